// Every behaviour by the name the markup uses.
import { autosubmit, copy, fill, keepIfChanged, mirror, onlyWith, rows, sendOnce, stays, timeZone } from "./forms.js";
import { palette, paletteOpen } from "./palette.js";
import { modalClose, opens, tabs } from "./dialogs.js";
import { bulk } from "./bulk.js";
import { tellsHeight, walk } from "./walk.js";
import { toOpener } from "./windows.js";

export const behaviours = {
  autosubmit,
  copy,
  fill,
  "keep-if-changed": keepIfChanged,
  mirror,
  "only-with": onlyWith,
  rows,
  tabs,
  "send-once": sendOnce,
  stays,
  "time-zone": timeZone,
  palette,
  "palette-open": paletteOpen,
  "modal-close": modalClose,
  opens,
  bulk,
  walk,
  "tells-height": tellsHeight,
  "to-opener": toOpener,
  // Large parts load only where a page needs them.
  ringing: async (element) => (await import("./ringing.js")).ringing(element),
  board: async (element) => (await import("./board.js")).board(element),
  "try-it": async (element) => (await import("./try-it.js")).tryIt(element),
  chart: async (element) => (await import("./chart.js")).chart(element),
};
