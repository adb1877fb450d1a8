// Cancel asks when a batch has worked for a while; without scripts a page asks (batches/web/batch_views.py).

export function isWorthAsking(event, from) {
  return event.current > 0 && event.elapsedTime > from;
}

// getEvent: the newest event of the batch
export function askBeforeCancel(dialog, getEvent) {
  document.body.addEventListener("htmx:confirm", (request) => {
    if (!request.target.matches("[data-cancel]") || !isWorthAsking(getEvent(), Number(dialog.dataset.from))) return;
    request.preventDefault();
    dialog.returnValue = "";
    dialog.showModal();
    dialog.addEventListener("close", () => dialog.returnValue === "cancel" && request.detail.issueRequest(true), { once: true });
  });
}
