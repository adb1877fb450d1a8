// Upload by dropping a file, and say how far it is. Without this file the form is sent as any other.

const form = document.querySelector("[data-upload]");
const file = form.querySelector("input[type=file]");
const progress = form.querySelector("[data-upload-progress]");
const bar = progress.querySelector("progress");
const words = form.querySelector("[data-upload-words]");
const problem = form.querySelector("[data-upload-error]");
const button = form.querySelector("button");

form.querySelector("[data-drop-hint]").hidden = false;

function idle() {
  progress.hidden = true;
  button.disabled = false;
}

function fail(message) {
  idle();
  problem.textContent = message;
}

function answered(request) {
  if (request.status === 201) location.assign(request.response.url);
  else fail(request.response?.error ?? `The server did not take the file (${request.status}).`);
}

function send() {
  if (!file.files.length || button.disabled) return;
  if (file.files[0].size > Number(form.dataset.largest)) return fail("The file is too large; the limit stands above.");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = (100 * event.loaded) / event.total;
    words.textContent = `Uploading, ${Math.floor(bar.value)}%`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    words.textContent = "Reading the file…";
  });
  request.addEventListener("load", () => answered(request));
  request.addEventListener("error", () => fail("The connection broke. Nothing was stored; try again."));
  problem.textContent = "";
  bar.value = 0;
  words.textContent = "Uploading…";
  progress.hidden = false;
  button.disabled = true;
  request.send(new FormData(form));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
window.addEventListener("pageshow", idle);

// ---- dropping ----

for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  send();
});
