// The theme that the user selected, else the system's. Not a module: it runs before the first paint, to avoid a flash.
(() => {
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is disabled: use the system's theme
    }
  };
  const selected = stored();
  if (selected === "light" || selected === "dark") root.dataset.theme = selected;

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : systemDark;
    const next = dark ? "light" : "dark";
    root.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      return; // the selection applies to this page only
    }
  });
})();
