// Parts of a page that are loaded shortly before they are scrolled to, so that their reserved space is not seen empty.

const BEFORE = "1200px 0px";
let watcher = null;

export function watchNear() {
  watcher ??= new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        window.htmx.trigger(target, "near");
      }
    },
    { rootMargin: BEFORE },
  );
  for (const part of document.querySelectorAll("[data-near]:not([data-near=watched])")) {
    part.dataset.near = "watched";
    watcher.observe(part);
  }
}
