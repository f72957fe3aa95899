
"use strict";
// The map's page. Names come from files, so nothing is made of a string but text nodes and attributes.
(() => {
  document.documentElement.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const COLUMNS = [["callers", "Callers", 10, 240], ["gateways", "Gateways", 360, 310], ["upstreams", "Upstreams", 790, 240]];
  const INDENT = 14, WIDTH = 1040, ROW = 28, TOP = 44, LETTER = 7, FARTHEST = 3;
  const MOST_ROWS = 500; // of the table, until all are asked for
  const byId = new Map();
  COLUMNS.forEach(([name], column) => data[name].forEach((node) => byId.set(node.id, Object.assign(node, { column }))));
  const state = { search: "", namespace: "", stage: "", health: "", selected: null, focus: null, folds: new Map(),
    zoom: 0, view: "map", sort: [0, 1], allRows: false };

  // ---- Elements

  const make = (space) => (tag, attributes = {}, ...children) => {
    const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") element.addEventListener("click", value);
      else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const html = make(null), svg = make("http://www.w3.org/2000/svg");
  const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  const cut = (text, most) => (Array.from(text).length > most ? Array.from(text).slice(0, most - 1).join("") + "…" : text);

  // ---- What is shown

  const health = (gateway) => gateway.observed?.health ?? "";
  // Whom a rule is in force for, and why not for all.
  const force = ({ inForce, shadow, change }, gateway) => {
    const whom = inForce === 100 ? "yes" : inForce === 0 ? "no" : `for ${inForce} % of the callers`;
    const why = { added: "the candidate adds it", removed: "the candidate removes it" }[change] ??
      (shadow ? "only counted: shadow rule" : inForce === 0 && gateway.stage === "shadow" ? "only counted: policy in shadow" : "");
    return why ? `${whom} (${why})` : whom;
  };
  const refused = (gateway) => Object.values(gateway.observed?.refused ?? {}).reduce((sum, count) => sum + count, 0);
  const textOf = (caller, gateway, grant) => [caller?.name, gateway.name, ...gateway.hosts, gateway.exposed,
    byId.get(gateway.upstream).name, grant?.rule, ...(grant?.requests ?? []), ...(grant?.conditions ?? [])].join("\n").toLowerCase();
  // A row for each grant, and for each gateway that allows nothing.
  const called = new Set(data.grants.map((grant) => grant.gateway));
  const rows = [...data.grants.map((grant) => ({ grant, caller: byId.get(grant.caller), gateway: byId.get(grant.gateway) })),
    ...data.gateways.filter((one) => !called.has(one.id)).map((gateway) => ({ grant: null, caller: null, gateway }))];
  rows.forEach((row) => { row.text = textOf(row.caller, row.gateway, row.grant); });

  function shown() {
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter(({ caller, gateway, text }) => words.every((word) => text.includes(word)) &&
      (!state.namespace || caller?.namespace === state.namespace || gateway.namespace === state.namespace) &&
      (!state.stage || gateway.stages.includes(state.stage)) && (!state.health || health(gateway) === state.health));
  }

  // ---- The picture: rows of nodes, or of groups where there are many

  function layout(visible) {
    const nodes = new Set();
    visible.forEach(({ caller, gateway }) => [caller?.id, gateway.id, gateway.upstream, ...gateway.standbys].forEach((id) => nodes.add(id)));
    const place = new Map(); // The row of each node
    const columns = COLUMNS.map(([name], column) => {
      const members = data[name].filter((node) => nodes.has(node.id));
      const groups = new Map();
      members.forEach((node) => groups.set(node.group, [...(groups.get(node.group) ?? []), node]));
      const list = [];
      for (const [group, inside] of groups) {
        const key = `${column}|${group}`;
        const folded = inside.length > 1 && (state.folds.get(key) ?? members.length > data.foldAbove);
        const row = { key, group, inside, column, folded };
        if (inside.length > 1) list.push({ ...row, kind: folded ? "group" : "open" });
        if (folded) inside.forEach((node) => place.set(node.id, list.length - 1));
        else inside.forEach((node) => { list.push({ key: node.id, node, column, kind: "node", parent: key, indent: inside.length > 1 ? INDENT : 0 }); place.set(node.id, list.length - 1); });
      }
      return list;
    });
    return { columns, place };
  }

  // The middle of a row; those of a short column beside a long one are farther apart.
  const middle = (columns, column, row) => {
    const own = columns[column].length, most = Math.max(...columns.map((one) => one.length));
    return TOP + Math.floor((2 * row + 1) * ROW * Math.min(most, own * FARTHEST) / (2 * own));
  };

  // The nodes that a selected one has to do with.
  function related(visible) {
    const on = new Set(), selected = state.selected;
    if (!selected) return on;
    for (const { caller, gateway } of visible) {
      const ids = [caller?.id, gateway.id, gateway.upstream, ...gateway.standbys];
      if (ids.includes(selected)) ids.forEach((id) => id && on.add(id));
    }
    return on;
  }

  function draw(visible) {
    const { columns, place } = layout(visible);
    const on = related(visible);
    const height = TOP + Math.max(1, ...columns.map((column) => column.length)) * ROW + 22;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": "Map of callers, gateways and upstreams",
      class: on.size ? "some" : "" });
    columns.forEach((_, column) => {
      const [name, title, x] = COLUMNS[column];
      picture.append(svg("text", { class: "title", x, y: 24 }, `${title} (${new Set([...place.keys()].filter((id) => byId.get(id).column === column)).size} of ${data[name].length})`));
    });
    const links = new Map();
    const link = (from, to, kind, marked) => {
      const [one, two] = [place.get(from), place.get(to)];
      const key = `${byId.get(from).column}|${one}|${two}`;
      const known = links.get(key) ?? { column: byId.get(from).column, one, two, count: 0, kinds: new Set(), marked: false };
      links.set(key, { ...known, count: known.count + 1, kinds: known.kinds.add(kind), marked: known.marked || marked });
    };
    const gateways = new Set(visible.map((row) => row.gateway));
    visible.forEach(({ caller, gateway, grant }) => caller &&
      link(caller.id, gateway.id, grant.change ?? (grant.inForce ? "" : "dashed"), state.selected === caller.id || (on.has(gateway.id) && on.has(caller.id) && byId.get(state.selected).column > 0)));
    gateways.forEach((gateway) => [gateway.upstream, ...gateway.standbys].forEach((upstream, index) =>
      link(gateway.id, upstream, index > 0 ? "dashed" : "", on.has(gateway.id) && on.has(upstream))));
    for (const { column, one, two, count, kinds, marked } of links.values()) {
      const kind = classOf(kinds);
      const [start, end] = [COLUMNS[column][2] + COLUMNS[column][3], COLUMNS[column + 1][2] + (columns[column + 1][two].indent ?? 0)];
      const [y1, y2, half] = [middle(columns, column, one), middle(columns, column + 1, two), (start + end) / 2];
      picture.append(svg("path", { class: `link${kind ? ` ${kind}` : ""}${marked ? " on" : ""}`,
        "data-from": columns[column][one].key, "data-to": columns[column + 1][two].key, "stroke-width": (1 + Math.min(5, Math.log2(count))).toFixed(1), d: `M${start} ${y1}C${half} ${y1} ${half} ${y2} ${end} ${y2}` }));
    }
    columns.forEach((column) => column.forEach((row, index) => picture.append(rowOf(row, middle(columns, row.column, index), on))));
    const first = picture.querySelector(`[data-key="${CSS.escape(state.focus ?? "")}"]`) ?? picture.querySelector(".node");
    first?.setAttribute("tabindex", "0");
    const [left, top] = [$("canvas").scrollLeft, $("canvas").scrollTop];
    $("canvas").replaceChildren(picture);
    zoom();
    $("canvas").scrollTo(left, top);
  }

  // The style of a link is that of all that it stands for.
  function classOf(kinds) {
    const [added, removed, force] = ["added", "removed", ""].map((kind) => kinds.has(kind));
    if (added + removed + force > 1) return added || removed ? "changed" : "";
    return added ? "added" : removed ? "removed" : force ? "" : "dashed";
  }

  function rowOf(row, y, on) {
    const [, , x, width] = COLUMNS[row.column];
    const place = { transform: `translate(${x} ${y})` };
    const isNode = row.kind === "node";
    const marked = isNode ? on.has(row.node.id) : row.inside.some((node) => row.folded && on.has(node.id));
    const node = svg("g", { ...place, class: `node ${row.kind}${marked ? " on" : ""}`, "data-key": row.key, "data-group": row.parent ?? null, role: "button", tabindex: "-1" });
    if (isNode) {
      const [kind, word] = wordOf(row.node);
      node.setAttribute("aria-label", labelOf(row.node, word));
      node.setAttribute("aria-pressed", String(state.selected === row.node.id));
      const search = state.search.trim().toLowerCase();
      if (search && row.node.name.toLowerCase().includes(search)) node.classList.add("hit");
      node.append(svg("title", {}, labelOf(row.node, word)), svg("rect", { class: row.node.candidate ? "candidate" : null, x: row.indent, y: -11, width: width - row.indent, height: 22, rx: 11 }),
        svg("text", { class: "name", x: 10 + row.indent, y: 4 }, cut(row.node.name, Math.floor((width - row.indent - 20) / LETTER) - (word ? word.length + 1 : 0))));
      if (word) node.append(svg("text", { class: kind, x: width - 10, y: 4, "text-anchor": "end" }, word));
    } else {
      const name = COLUMNS[row.column][0];
      node.setAttribute("aria-label", `${row.group}: ${row.inside.length} ${name}`);
      node.setAttribute("aria-expanded", String(!row.folded));
      const [kind, word] = row.column === 1 ? wordOfGroup(row.inside) : ["", ""];
      node.append(svg("title", {}, `${row.group}: ${row.inside.length} ${name}`),
        svg("rect", { class: row.folded && row.inside.some((one) => one.candidate) ? "candidate" : null, y: -11, width, height: 22, rx: 4, "fill-opacity": row.folded ? 1 : 0, "stroke-opacity": row.folded ? 1 : 0 }),
        svg("text", { class: "head", x: row.folded ? 10 : 0, y: 4 }, `${row.folded ? "▸" : "▾"} ${cut(row.group, word ? 20 : 26)} (${row.inside.length})`));
      if (word && row.folded) node.append(svg("text", { class: kind, x: width - 10, y: 4, "text-anchor": "end" }, word));
    }
    const traffic = row.column === 1 && (isNode || row.folded) ? trafficOf(isNode ? [row.node] : row.inside) : "";
    if (traffic) node.append(svg("text", { class: "count", x: width + 6, y: -5 }, traffic));
    return node;
  }

  // The word beside a node: what somebody who looks at the map should see first.
  function wordOf(node) {
    if (node.column !== 1) return ["", ""];
    const is = health(node);
    if (is === "down") return ["bad", "down"];
    if (is === "recovering") return ["warn", "recovering"];
    // What is least usual comes last in the stages, but for rules in shadow.
    if (node.candidate) return ["warn", node.stages[1]];
    if (node.stage === "shadow") return ["warn", node.stages[0]];
    if (node.shadowRules.length) return ["warn", "shadow rules"];
    return is === "healthy" ? ["good", "healthy"] : ["soft", is === "no data" ? is : ""];
  }

  // What the gateways of a row let through and refuse.
  const short = (count) => (count < 999.5 ? String(count) : count < 999950 ? `${(count / 1e3).toFixed(1)}k` : `${(count / 1e6).toFixed(1)}M`);
  function trafficOf(gateways) {
    const seen = gateways.filter((gateway) => gateway.observed?.pods !== undefined);
    const sum = (read) => seen.reduce((total, gateway) => total + read(gateway), 0);
    return seen.length ? `${short(sum((gateway) => gateway.observed.allowed))} · ${short(sum(refused))}` : "";
  }

  // The same beside a group.
  function wordOfGroup(gateways) {
    const down = gateways.filter((gateway) => health(gateway) === "down").length;
    if (down) return ["bad", `${down} down`];
    const candidates = gateways.filter((gateway) => gateway.candidate).length, policies = gateways.filter((gateway) => gateway.stage === "shadow").length;
    if (candidates) return ["warn", counted(candidates, "candidate")];
    return policies ? ["warn", `${policies} in shadow`] : ["", ""];
  }

  function labelOf(node, word) {
    if (node.column === 0) return `${node.name}, caller`;
    if (node.column === 2) return `${node.name}, upstream, ${node.protocol}`;
    return `${node.name}, gateway for ${node.hosts.join(", ")}, ${node.stages.join(", ")}${word && !node.stages.includes(word) ? `, ${word}` : ""}`;
  }

  // ---- Zoom: the picture grows, and its region scrolls

  function zoom() {
    const picture = $("canvas").firstElementChild;
    if (!picture) return;
    const [, , width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
    const fit = Math.min(1.25, Math.max(0.7, ($("canvas").clientWidth - 30) / width));
    const factor = state.zoom || fit;
    picture.setAttribute("width", Math.round(width * factor));
    picture.setAttribute("height", Math.round(height * factor));
    picture.dataset.zoom = factor.toFixed(2);
  }

  function zoomBy(change, at = null) {
    const canvas = $("canvas"), before = Number(canvas.firstElementChild?.dataset.zoom ?? 1);
    state.zoom = change === 0 ? 0 : Math.min(4, Math.max(0.2, before * change));
    zoom();
    const after = Number(canvas.firstElementChild?.dataset.zoom ?? 1);
    const [x, y] = at ?? [canvas.clientWidth / 2, canvas.clientHeight / 2];
    canvas.scrollLeft = (canvas.scrollLeft + x) * (after / before) - x;
    canvas.scrollTop = (canvas.scrollTop + y) * (after / before) - y;
  }

  // ---- The table

  const number = (value) => (value === null || value === undefined ? "" : value.toLocaleString("en"));
  const HEADS = [["Caller", (row) => row.caller?.name ?? "(nobody)"], ["Gateway", (row) => row.gateway.name],
    ["Upstream", (row) => byId.get(row.gateway.upstream).name], ["May send", (row) => mayText(row.grant)],
    ["Rule", (row) => row.grant?.rule ?? ""], ["In force", (row) => (row.grant ? force(row.grant, row.gateway) : "")],
    ["Stage", (row) => row.gateway.stages.join(", ")],
    ...(data.observed ? [["Requests of the rule", (row) => row.grant?.calls ?? null], ["Refused by the gateway", (row) => (row.gateway.observed?.pods ? refused(row.gateway) : null)],
      ["Health", (row) => health(row.gateway)]] : [])];
  const mayText = (grant) => (grant ? [...[grant.requests.join(" or ")], ...grant.conditions].join(" if ") : "nothing");

  function tabulate(visible) {
    const [by, direction] = state.sort;
    const value = HEADS[by][1];
    const compare = (one, two) => (typeof (one ?? two) === "number" ? (one ?? -1) - (two ?? -1) : String(one).localeCompare(String(two), "en"));
    const sorted = [...visible].sort((one, two) => direction * compare(value(one), value(two)));
    const kept = state.allRows ? sorted : sorted.slice(0, MOST_ROWS);
    const head = HEADS.map(([title], index) => html("th", { scope: "col", "aria-sort": index === by ? (direction > 0 ? "ascending" : "descending") : null },
      html("button", { type: "button", onclick: () => { state.sort = [index, index === by ? -direction : 1]; render(); } }, `${title}${index === by ? (direction > 0 ? " ▴" : " ▾") : ""}`)));
    const cell = (row, [, read], index) => {
      const content = read(row), target = [row.caller, row.gateway, byId.get(row.gateway.upstream)][index];
      if (target) return html("td", {}, html("button", { type: "button", class: "link-button", onclick: () => select(target.id) }, content));
      return html("td", typeof content === "number" ? { class: "number" } : {}, typeof content === "number" ? number(content) : (content ?? ""));
    };
    const table = html("table", {}, html("caption", {}, kept.length < sorted.length ? `${kept.length} of ${counted(sorted.length, "row")}` : counted(sorted.length, "row")),
      html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...kept.map((row) => html("tr", {}, ...HEADS.map((one, index) => cell(row, one, index))))));
    const more = kept.length < sorted.length ? html("button", { type: "button", onclick: () => { state.allRows = true; render(); } }, `Show all ${counted(sorted.length, "row")}`) : null;
    $("table").replaceChildren(...[table, more].filter(Boolean));
  }

  // ---- Details of the selected node

  const goTo = (node) => html("button", { type: "button", class: "link-button", onclick: () => select(node.id) }, node.name);
  const facts = (pairs) => html("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== "").flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
  const section = (title, items) => (items.length ? [html("h3", {}, title), html("ul", {}, ...items)] : []);

  function may({ grant, gateway }, other) {
    const lines = grant.requests.map((request) => html("div", {}, html("code", {}, request)));
    const conditions = grant.conditions.map((condition) => html("div", { class: "soft" }, "if ", html("code", {}, condition)));
    const deny = other === gateway && gateway.denies.some((one) => one.inForce) ? [html("div", { class: "soft" }, "unless a DENY rule of the gateway refuses it")] : [];
    const calls = grant.calls === null ? "" : `, ${counted(grant.calls, "request")}`;
    const own = grant.callerCalls === null ? "" : ` (${number(grant.callerCalls)} by this caller to the gateway)`;
    return html("li", {}, goTo(other), ...lines, ...conditions, ...deny, html("div", { class: "soft" }, `rule ${grant.rule}, ${grant.place}${calls}${own}`), ...mark(grant, gateway));
  }

  // Of what is not simply in force.
  const mark = (one, gateway) => (force(one, gateway) === "yes" ? [] : [html("div", { class: "warn" }, `in force: ${force(one, gateway)}`)]);

  // What decides now, and what a candidate changes.
  function standing(gateway) {
    const { candidate, stage } = gateway, lines = [];
    if (stage === "shadow") lines.push("The policy is in shadow: every request is let through.");
    if (candidate) {
      const whom = { proposed: "It is proposed: no gateway has it, and the rules of the file decide.", shadow: "It is in shadow: the rules before it decide, and what it would decide is counted.",
        canary: `It decides for ${candidate.percent} % of the callers, and the rules before it for the others.`, enforce: "It decides for all; the rules before it are only counted." }[candidate.stage];
      const changes = ["adds", "changes", "removes"].filter((what) => candidate[what]?.length).map((what) => `${what} ${candidate[what].join(", ")}`);
      lines.push(`There is a candidate of its rules. ${whom}`, candidate.adds === null ? "Its file is not among those that were read." : changes.length ? `It ${changes.join("; ")}.` : "Its rules are in the file already.");
    }
    return lines.map((line) => html("p", { class: "warn" }, line));
  }

  // What the lines mean, as far as there are such.
  function legend() {
    const changes = new Set(data.grants.map((grant) => grant.change));
    const dashed = data.grants.some((grant) => !grant.change && !grant.inForce) || data.gateways.some((gateway) => gateway.standbys.length);
    const lines = [["", "in force", true], ["dashed", "only counted, or a standby", dashed], ["added", "a candidate adds it", changes.has("added")],
      ["removed", "a candidate removes it", changes.has("removed")], ["changed", "a candidate changes a part of it", changes.has("added") || changes.has("removed")]];
    const sample = (kind) => svg("svg", { width: 44, height: 10, "aria-hidden": "true" }, svg("path", { class: `link ${kind}`, "stroke-width": 2, d: "M0 5H44" }));
    return section("Lines", lines.filter(([, , is]) => is).map(([kind, words]) => html("li", { class: "legend" }, sample(kind), html("span", {}, words))));
  }

  function detail() {
    const node = byId.get(state.selected);
    if (!node) {
      const hint = data.observed ? `Beside a gateway: requests allowed · refused, ${data.observed.window ? `in ${data.observed.window} until ${data.observed.asOf}` : "since the pods started"}.` : "Without --prometheus there are no requests and no health.";
      return [html("h2", {}, "Nothing is selected"), html("p", {}, "Select a caller to see what it may do, a gateway to see who calls it."), html("p", { class: "soft" }, hint), ...legend()];
    }
    const own = rows.filter((row) => row.grant && (row.caller.id === node.id || row.gateway.id === node.id));
    const close = html("button", { type: "button", onclick: () => select(null) }, "Close");
    if (node.column === 0) {
      return [html("h2", {}, node.name), html("p", { class: "soft" }, `caller: ${node.kind}`), close, ...section("May send", own.map((row) => may(row, row.gateway))),
        ...section("Is also one of", node.alsoAs.map((id) => html("li", {}, goTo(byId.get(id)))))];
    }
    if (node.column === 2) {
      const of = (test) => data.gateways.filter(test).map((gateway) => html("li", {}, goTo(gateway)));
      return [html("h2", {}, node.name), html("p", { class: "soft" }, `upstream: ${node.protocol}`), close, ...section("Gateways", of((gateway) => gateway.upstream === node.id)),
        ...section("Standby of", of((gateway) => gateway.standbys.includes(node.id)))];
    }
    const seen = node.observed, reasons = Object.entries(seen?.refused ?? {}).sort((one, two) => two[1] - one[1]);
    return [html("h2", {}, node.name), html("p", { class: "soft" }, "gateway"), close,
      facts([["host", node.hosts.join(", ")], ["outside", node.exposed], ["upstream", goTo(byId.get(node.upstream))], ["stage", node.stages.join(", ")], ["file", node.file],
        ["health", seen ? seen.health : null], ["pods", seen?.pods !== undefined ? number(seen.pods) : null], ["allowed", seen?.pods !== undefined ? number(seen.allowed) : null],
        ["refused", seen?.pods !== undefined ? `${number(refused(node))}${reasons.length ? `: ${reasons.map(([reason, count]) => `${reason} ${number(count)}`).join(", ")}` : ""}` : null],
        ["diverted", seen?.diverted ? number(seen.diverted) : null]]),
      ...standing(node),
      ...section("Callers", own.map((row) => may(row, row.caller))),
      ...(own.length ? [] : [html("p", { class: "warn" }, "No rule allows anything.")]),
      ...section("Is refused", node.denies.map((deny) => html("li", {}, html("code", {}, deny.what), html("div", { class: "soft" }, `rule ${deny.rule}`), ...mark(deny, node)))),
      ...section("Standbys", node.standbys.map((id) => html("li", {}, goTo(byId.get(id)))))];
  }

  // ---- What the reader does

  function select(id) {
    state.selected = id;
    if (id) state.focus = id;
    render();
    $("details").scrollTop = 0;
  }

  function activate(key) {
    if (!key) return;
    state.focus = key;
    if (byId.has(key)) { select(state.selected === key ? null : key); } else {
      const folded = document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.getAttribute("aria-expanded") === "false";
      state.folds.set(key, !folded);
      render();
    }
    focusNode(key);
  }

  const nodeOf = (key) => $("canvas").querySelector(`[data-key="${CSS.escape(key)}"]`);
  function focusNode(key) {
    const node = nodeOf(key);
    if (!node) return;
    $("canvas").querySelectorAll(".node[tabindex='0']").forEach((other) => other.setAttribute("tabindex", "-1"));
    node.setAttribute("tabindex", "0");
    state.focus = key;
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function move(from, key) {
    const all = Array.from($("canvas").querySelectorAll(".node")).map((node) => {
      const [x, y] = node.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
      return { node, x, y };
    });
    const here = all.find((one) => one.node === from);
    if (!here) return;
    const column = (x) => all.filter((one) => one.x === x).sort((one, two) => one.y - two.y);
    const own = column(here.x), at = own.indexOf(here);
    const next = (step) => COLUMNS.map(([, , x]) => x)[COLUMNS.findIndex(([, , x]) => x === here.x) + step];
    // Sideways along a link, if there is one.
    const linked = new Set(Array.from($("canvas").querySelectorAll(".link"), (link) => [link.dataset.from, link.dataset.to])
      .filter((ends) => ends.includes(from.dataset.key)).flat());
    const far = (one) => Math.abs(one.y - here.y) + (linked.has(one.node.dataset.key) ? 0 : 1e6);
    const beside = (x) => column(x).sort((one, two) => far(one) - far(two))[0];
    const target = { ArrowUp: () => own[at - 1], ArrowDown: () => own[at + 1], Home: () => own[0], End: () => own.at(-1),
      ArrowLeft: () => beside(next(-1)), ArrowRight: () => beside(next(1)) }[key]?.();
    if (target) focusNode(target.node.dataset.key);
  }

  function render() {
    const visible = shown();
    if (state.selected && !visible.some(({ caller, gateway }) => [caller?.id, gateway.id, gateway.upstream, ...gateway.standbys].includes(state.selected))) state.selected = null;
    const isMap = state.view === "map";
    $("canvas").hidden = !isMap; $("table").hidden = isMap; $("zoom-buttons").hidden = !isMap; $("fold-buttons").hidden = !isMap;
    $("view-map").setAttribute("aria-pressed", String(isMap)); $("view-table").setAttribute("aria-pressed", String(!isMap));
    if (isMap) draw(visible); else tabulate(visible);
    const links = visible.filter((row) => row.grant).length, gateways = new Set(visible.map((row) => row.gateway)).size;
    const all = `${gateways} of ${counted(data.gateways.length, "gateway")}, ${links} of ${counted(data.grants.length, "permission")}`;
    $("status").textContent = visible.length ? all : "Nothing fits the search and the filters. Press Esc to clear them.";
    $("details").replaceChildren(...detail());
  }

  function clear() {
    if (state.selected) { select(null); return; }
    Object.assign(state, { search: "", namespace: "", stage: "", health: "" });
    ["search", "namespace", "stage", "health"].forEach((id) => { $(id).value = ""; });
    render();
  }

  function fill(id, values, all) {
    $(id).replaceChildren(html("option", { value: "" }, all), ...values.map((value) => html("option", { value }, value)));
    $(id).addEventListener("change", () => { state[id] = $(id).value; render(); });
  }

  const unique = (values) => [...new Set(values.filter(Boolean))].sort();
  fill("namespace", unique([...data.callers, ...data.gateways].map((node) => node.namespace)), "all");
  fill("stage", unique(data.gateways.flatMap((gateway) => gateway.stages)), "all");
  fill("health", unique(data.gateways.map(health)), "all");
  $("health-label").hidden = !data.observed;
  if (data.observed?.warnings.length) {
    $("missing").hidden = false;
    $("missing").textContent = `Some of the data is missing, so what is absent is not known: ${data.observed.warnings.join("; ")}`;
  }
  $("search").addEventListener("input", () => { state.search = $("search").value; render(); });
  $("search-form").addEventListener("submit", (event) => event.preventDefault());
  $("view-map").addEventListener("click", () => { state.view = "map"; render(); });
  $("view-table").addEventListener("click", () => { state.view = "table"; render(); });
  $("zoom-in").addEventListener("click", () => zoomBy(1.25));
  $("zoom-out").addEventListener("click", () => zoomBy(0.8));
  $("zoom-fit").addEventListener("click", () => zoomBy(0));
  const foldAll = (folded) => () => {
    COLUMNS.forEach(([name], column) => data[name].forEach((node) => state.folds.set(`${column}|${node.group}`, folded)));
    render();
  };
  $("fold").addEventListener("click", foldAll(true));
  $("unfold").addEventListener("click", foldAll(false));
  $("theme").addEventListener("click", () => {
    const next = { system: "light", light: "dark", dark: "system" }[document.documentElement.dataset.theme ?? "system"];
    if (next === "system") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = next;
    ["title", "aria-label"].forEach((name) => $("theme").setAttribute(name, `Theme: ${next}`));
  });
  window.addEventListener("resize", zoom);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select");
    if (event.key === "Escape") { clear(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const node = event.target.closest?.(".node");
    const change = { "+": 1.25, "=": 1.25, "-": 0.8, 0: 0 }[event.key];
    if (event.key === "/") $("search").focus();
    else if (change !== undefined && state.view === "map") zoomBy(change);
    else if (node && (event.key === "Enter" || event.key === " ")) activate(node.dataset.key);
    else if (node && /^(Arrow|Home|End)/.test(event.key)) move(node, event.key);
    else return;
    event.preventDefault();
  });

  // The links of what is pointed at, or has the focus. Arrow keys move the focus, so they show links, too.
  function point(node) {
    const picture = $("canvas").firstElementChild, key = node?.dataset.key;
    // An open group stands for its nodes.
    const keys = new Set(node ? [key, ...Array.from(picture.querySelectorAll(`[data-group="${CSS.escape(key)}"]`), (one) => one.dataset.key)] : []);
    const links = Array.from(picture?.querySelectorAll(".link") ?? []);
    links.forEach((link) => link.classList.toggle("near", keys.has(link.dataset.from) || keys.has(link.dataset.to)));
    picture?.classList.toggle("point", !state.selected && links.some((link) => link.classList.contains("near")));
  }
  $("canvas").addEventListener("pointerover", (event) => point(event.target.closest(".node")));
  $("canvas").addEventListener("pointerleave", () => point(null));
  $("canvas").addEventListener("focusin", (event) => point(event.target.closest(".node")));
  $("canvas").addEventListener("focusout", () => point(null));

  // Dragging moves the picture; a press that does not move is a click.
  let drag = null;
  const canvas = $("canvas");
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse") drag = { x: event.clientX, y: event.clientY, left: canvas.scrollLeft, top: canvas.scrollTop, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    drag.moved ||= Math.hypot(x, y) > 4;
    if (drag.moved) { canvas.classList.add("grab"); canvas.scrollLeft = drag.left - x; canvas.scrollTop = drag.top - y; }
  });
  window.addEventListener("pointerup", () => {
    const ended = drag;
    canvas.classList.remove("grab");
    // After the click that follows; the next drag may have begun by then.
    setTimeout(() => { if (drag === ended) drag = null; });
  });
  canvas.addEventListener("click", (event) => { if (!drag?.moved) activate(event.target.closest(".node")?.dataset.key); });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, top } = canvas.getBoundingClientRect();
    zoomBy(event.deltaY < 0 ? 1.1 : 1 / 1.1, [event.clientX - left, event.clientY - top]);
  }, { passive: false });
  render();
})();
