// before anything is painted: the page has scripts, so one sentence is shown at a time
document.documentElement.classList.add("js");
