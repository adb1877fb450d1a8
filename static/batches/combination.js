// The page of one combination: copy buttons.

for (const button of document.querySelectorAll("[data-copy]")) offerCopy(button);

function offerCopy(button) {
  if (!navigator.clipboard) return; // not available on plain http, except on localhost
  const [label] = button.childNodes;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    label.textContent = "Copied";
    setTimeout(() => (label.textContent = "Copy"), 1500);
  });
}
