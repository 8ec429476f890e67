// Windows that another site opened.

// Lead the window that opened this one to the address of a link, and close; without one, go there here.
export const toOpener = (link) => {
  if (!window.opener || window.opener.closed) return location.replace(link.href);
  window.opener.location.href = link.href;
  window.close();
};
