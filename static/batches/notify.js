// A notification when the batch ends, for those who asked for one. Asked for each batch anew: nothing is remembered.

import * as format from "./format.js";

export function offerNotification(button, title, timeout) {
  let wanted = false;
  if (button && "Notification" in window && Notification.permission !== "denied") {
    button.hidden = false;
    button.addEventListener("click", async () => {
      wanted = !wanted && (await Notification.requestPermission()) === "granted";
      button.setAttribute("aria-pressed", String(wanted));
    });
  }
  return function ended(event) {
    if (button) button.hidden = true;
    if (!wanted) return;
    const notification = new Notification(title, { body: format.headline(event, timeout), tag: event.sessionId });
    notification.onclick = () => window.focus();
  };
}
