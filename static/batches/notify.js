// A notification when the batch ends, when the user requests one. The request is for one batch and is not stored.

import * as format from "./format.js";

export function offerNotification(button, title, timeout) {
  let enabled = false;
  if (button && "Notification" in window && Notification.permission !== "denied") {
    button.hidden = false;
    button.addEventListener("click", async () => {
      enabled = !enabled && (await Notification.requestPermission()) === "granted";
      button.setAttribute("aria-pressed", String(enabled));
    });
  }
  return function ended(event) {
    if (button) button.hidden = true;
    if (!enabled) return;
    const notification = new Notification(title, { body: format.headline(event, timeout), tag: event.sessionId });
    notification.onclick = () => window.focus();
  };
}
