// What is wrong with the page in this window, a line each. browser.py evaluates it.
(async () => {
  const wrong = [], page = document.documentElement, wide = page.clientWidth;

  function name(e) {
    const words = (e.textContent || e.alt || '').trim().slice(0, 40);
    return e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + ' "' + words + '"';
  }

  // Something above it scrolls, so it may be wider than the window.
  function scrolls(e) {
    for (let p = e.parentElement; p && p !== document.body && p !== page; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== 'visible') return true;
    return false;
  }

  if (page.scrollWidth > wide) wrong.push(`the page is ${page.scrollWidth} wide in a window of ${wide}`);
  for (const e of document.body.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (!box.width || e.closest('svg') || scrolls(e)) continue;
    if (box.right > wide + 1) wrong.push(`overflow: ${name(e)} ends at ${Math.round(box.right)} of ${wide}`);
    if (box.left < -1) wrong.push(`overflow: ${name(e)} begins at ${Math.round(box.left)}`);
  }

  for (const e of document.images)
    if (!e.complete || !e.naturalWidth) wrong.push(`broken image: ${name(e)}`);
  for (const e of document.querySelectorAll('svg image')) {
    const image = new Image();
    image.src = e.href.baseVal;
    const label = e.closest('svg').getAttribute('aria-label');
    await image.decode().catch(() => wrong.push(`broken image in a drawing: ${label}`));
  }

  for (const e of document.querySelectorAll('svg')) {
    const box = e.getBoundingClientRect();
    if (box.height < 40) wrong.push(`no height: ${name(e)}`);
    for (const t of e.querySelectorAll('text')) {
      const own = t.getBoundingClientRect();
      if (own.left < box.left - 2 || own.right > box.right + 2 || own.top < box.top - 2 ||
          own.bottom > box.bottom + 2)
        wrong.push(`cut off: ${name(t)}`);
    }
  }
  return wrong;
})()
