// Takes the chosen theme before anything is drawn: read by the page itself, not as a module, which would come too late.
document.documentElement.dataset.theme = localStorage.getItem("sedna.theme") || "auto";
