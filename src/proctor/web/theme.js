// Sets the theme before the first paint: no module, so that the page waits for it.
// "" follows the system; "light" and "dark" are what the user chose.
(() => {
  let chosen = "";
  try {
    chosen = localStorage.getItem("proctor.theme") ?? "";
  } catch {
    // Storage may be forbidden; then the system decides.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
