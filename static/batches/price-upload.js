// Upload dropped files and show the progress. Without this script the form is submitted as any other.

const form = document.querySelector("[data-upload]");
const file = form.querySelector("input[type=file]");
const progress = form.querySelector("[data-upload-progress]");
const bar = progress.querySelector("progress");
const message = form.querySelector("[data-upload-message]");
const error = form.querySelector("[data-upload-error]");
const button = form.querySelector("button");

form.querySelector("[data-drop-hint]").hidden = false;

function idle() {
  progress.hidden = true;
  button.disabled = false;
}

function fail(text) {
  idle();
  error.textContent = text;
}

function finish(request) {
  if (request.status === 201) location.assign(request.response.url);
  else fail(request.response?.error ?? `The server refused the file (status ${request.status}).`);
}

function send() {
  if (!file.files.length || button.disabled) return;
  const large = [...file.files].find(({ size }) => size > Number(form.dataset.maxBytes));
  if (large) return fail(`${large.name} is larger than the limit above. Compress it with gzip, or use load_prices.`);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = (100 * event.loaded) / event.total;
    message.textContent = `Uploading, ${Math.floor(bar.value)}%`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    message.textContent = "Reading the file…";
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => fail("The connection was lost. Nothing was stored; try again."));
  error.textContent = "";
  bar.value = 0;
  message.textContent = "Uploading…";
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
