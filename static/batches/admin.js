// Landmarks that the admin's theme leaves out, for screen readers. In the head, so that it runs before the theme's own.

document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("main")?.setAttribute("role", "main");
  document.querySelectorAll("[data-simplebar]").forEach((box, at) => {
    box.dataset.simplebarAriaLabel = `Scrolled part ${at + 1}`;
  });
});
