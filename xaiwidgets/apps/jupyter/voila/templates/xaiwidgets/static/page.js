// What Voilà's scripts expect of a page: they call voila_process before each cell, voila_finish after the last one and
// when their theme is there, and voila_heartbeat while a cell takes long.
(() => {
  // The page follows the system: the style sheets do so by themselves, widgets read these attributes.
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    document.body.dataset.jpThemeLight = String(!dark.matches);
    document.body.dataset.jpThemeName = dark.matches ? "JupyterLab Dark" : "JupyterLab Light";
  };
  follow();
  dark.addEventListener("change", follow);

  const say = (text) => {
    const line = document.getElementById("loading_text");
    if (line) line.textContent = text;
  };
  window.voila_process = (index, count) => {
    say(index < count ? `Loading the network and its pictures (${index} of ${count}) …` : "Drawing the page …");
  };
  const began = Date.now();
  window.voila_heartbeat = () => {
    say(`Still loading, ${Math.round((Date.now() - began) / 1000)} s so far …`);
  };
  window.voila_finish = () => {
    if (!window.themeLoaded) {
      window.cellLoaded = true; // Voilà calls again once its theme is there
      return;
    }
    document.getElementById("loading")?.remove();
    document.getElementById("rendered_cells").style.display = "";
  };
})();
