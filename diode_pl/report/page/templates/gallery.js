"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const grid = $("grid"), viewer = $("viewer"), SVG = "http://www.w3.org/2000/svg";
  const switches = [...document.querySelectorAll(".switch")], sliders = [...document.querySelectorAll(".seen")];
  const shownSources = new Set([0]);
  const last = data.sources.length - 1;
  const first = 42;  // tiles before the button that shows the others
  let order = data.images.map((_, i) => i), shown = [], current = 0, whole = data.images.length <= 1.5 * first;

  const element = (name, attributes, text) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const drawn = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const confidence = () => ($("confidence") ? Number($("confidence").value) : 0);
  const isSure = (box) => box.length < 6 || box[5] >= confidence();
  const name = (label) => data.classes[label] ?? `class ${label}`;
  const boxesOf = (image, source) => (image.boxes[data.sources[source]] || []).filter(isSure);

  // A picture with its boxes; captions need room, thumbnails have none.
  const picture = (image, sources, captions) => {
    const frame = element("span", { class: "picture", style: `aspect-ratio: ${image.w} / ${image.h}` });
    const img = element("img", { alt: "", decoding: "async" });
    img.src = `data:image/jpeg;base64,${image.src}`;
    const svg = drawn("svg", { viewBox: `0 0 ${image.w} ${image.h}`, "aria-hidden": "true" });
    for (const source of sources) {
      const group = drawn("g", { class: `b${source}` });
      for (const box of boxesOf(image, source)) {
        const [x, y, width, height, label, score] = box;
        group.append(drawn("rect", { x, y, width, height, class: "halo" }));
        group.append(drawn("rect", { x, y, width, height, class: `s${source}` }));
        if (!captions) continue;
        const size = image.w / 22;
        const right = x + width / 2 > image.w * 0.6;  // captions stay inside of the picture
        const text = drawn("text", { x: right ? Math.min(image.w - 1, x + width) : Math.max(1, x), "text-anchor": right ? "end" : "start", y: y > size * 1.2 ? y - size * 0.3 : Math.max(y, 0) + size * 1.05, "font-size": size, "stroke-width": size / 5 });
        text.textContent = score === undefined ? name(label) : `${name(label)} ${score.toFixed(2)}`;
        group.append(text);
      }
      svg.append(group);
    }
    frame.append(img, svg);
    return frame;
  };

  const every = data.sources.map((_, i) => i);
  const fill = (tile) => {
    const image = data.images[tile.dataset.index];
    tile.querySelector(".picture").replaceWith(picture(image, every, false));
    tile.dataset.filled = "1";
  };
  // Pictures are decoded when they come near the window, and not before.
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watch.unobserve(entry.target); fill(entry.target); }
  }, { rootMargin: "400px" });

  const tiles = data.images.map((image, index) => {
    const tile = element("button", { type: "button", class: "tile", "data-index": index });
    const names = [...new Set((image.boxes[data.sources[0]] || []).map((box) => name(box[4])))].join(", ") || "no objects";
    tile.append(element("span", { class: "picture", style: `aspect-ratio: ${image.w} / ${image.h}` }));
    tile.append(element("span", { class: "text" }, names));
    const seen = element("span", { class: "text" });
    for (const [role, score] of Object.entries(image.seen)) {
      seen.append(element("i", { class: `swatch s${data.sources.indexOf(role)}`, title: role }), element("span", {}, ` ${score.toFixed(2)} `));
    }
    if (seen.children.length) tile.append(seen);
    if (image.accepted === false) {
      tile.classList.add("no");
      tile.append(element("span", { class: "text rejected" }, `not accepted${image.reason ? `: ${image.reason}` : ""}`));
    }
    tile.title = image.name;
    tile.addEventListener("click", () => open(index));
    watch.observe(tile);
    return tile;
  });

  const matches = (image) => {
    const label = $("class").value, accepted = $("accepted")?.value, error = $("error")?.value;
    if (label !== "" && !every.some((source) => shownSources.has(source) && boxesOf(image, source).some((box) => box[4] === Number(label)))) return false;
    if (accepted && Boolean(image.accepted) !== (accepted === "1")) return false;
    if (error && !boxesOf(image, last).some((box) => box[6] === error)) return false;
    return sliders.every((slider) => Number(slider.value) === 0 || (image.seen[slider.dataset.source] ?? -1) >= Number(slider.value));
  };
  const update = () => {
    shown = order.filter((index) => matches(data.images[index]));
    const visible = new Set(whole ? shown : shown.slice(0, first));
    $("more").hidden = visible.size === shown.length;
    $("more").textContent = `Show all ${shown.length.toLocaleString("en")} images`;
    tiles.forEach((tile, index) => { tile.hidden = !visible.has(index); });
    $("count").textContent = `${shown.length.toLocaleString("en")} of ${data.images.length.toLocaleString("en")} images`;
    $("none").hidden = shown.length > 0;
  };
  const redraw = () => { tiles.forEach((tile) => { if (tile.dataset.filled) fill(tile); }); };
  const sort = () => {
    const by = $("order").value;
    const seen = (index) => data.images[index].seen[by] ?? 2;
    order = data.images.map((_, i) => i);
    if (by) order.sort((a, b) => seen(a) - seen(b) || a - b);
    grid.append(...order.map((index) => tiles[index]));
  };
  const toggle = (source) => {
    if (shownSources.has(source)) shownSources.delete(source); else shownSources.add(source);
    applySources();
    update();
  };
  const applySources = () => {
    for (const source of every) {
      switches[source].setAttribute("aria-pressed", shownSources.has(source));
      grid.classList.toggle(`hide${source}`, !shownSources.has(source));
    }
  };

  const show = () => {
    const image = data.images[current], views = viewer.querySelector(".views"), lists = viewer.querySelector(".lists");
    $("viewer-name").replaceChildren(image.href ? element("a", { href: image.href }, image.name) : image.name);
    views.replaceChildren();
    lists.replaceChildren();
    for (const source of every) {
      const heading = () => { const made = element("h3"); made.append(element("i", { class: `swatch s${source}` }), data.sources[source]); return made; };
      const view = element("div");
      view.append(heading(), picture(image, [source], true));
      views.append(view);
      const list = element("ul");
      for (const box of boxesOf(image, source)) {
        const item = element("li", box[6] && box[6] !== "correct" ? { class: "wrong" } : {});
        item.append(element("span", {}, name(box[4])), element("span", {}, [box[6], box[5]?.toFixed(2)].filter(Boolean).join(" · ")));
        list.append(item);
      }
      if (!list.children.length) list.append(element("li", {}, "nothing"));
      const part = element("div");
      part.append(heading(), list);
      lists.append(part);
    }
    $("previous").disabled = shown.indexOf(current) <= 0;
    $("next").disabled = shown.indexOf(current) >= shown.length - 1;
  };
  const open = (index) => { current = index; show(); if (!viewer.open) viewer.showModal(); };
  const step = (by) => { const at = shown.indexOf(current) + by; if (at >= 0 && at < shown.length) { current = shown[at]; show(); } };

  switches.forEach((button, source) => button.addEventListener("click", () => toggle(source)));
  sliders.forEach((slider) => slider.addEventListener("input", () => {
    slider.parentElement.querySelector("output").textContent = `≥ ${slider.value}`;
    update();
  }));
  $("confidence")?.addEventListener("input", (event) => {
    event.target.parentElement.querySelector("output").textContent = `≥ ${event.target.value}`;
    redraw();
    update();
  });
  for (const id of ["class", "accepted", "error"]) $(id)?.addEventListener("change", update);
  $("order").addEventListener("change", () => { sort(); update(); });
  $("more").addEventListener("click", () => {
    whole = true;
    update();
    tiles[shown[first]]?.focus();
  });
  $("close").addEventListener("click", () => viewer.close());
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("close", () => tiles[current]?.focus());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (viewer.open && event.key === "ArrowLeft") step(-1);
    else if (viewer.open && event.key === "ArrowRight") step(1);
    else if (!viewer.open && /^[1-9]$/.test(event.key) && Number(event.key) <= switches.length && event.target.tagName !== "SELECT") toggle(Number(event.key) - 1);
  });
  sort();
  applySources();
  update();
})();
