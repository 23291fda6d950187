// Where each line is, in pixels from the begin of the logs.  Pure.
//
// The lines in the window stand at their full height.  What is before and behind it is estimated by
// its bytes, and shrunk where all of it would be higher than browsers can be scrolled.
import { columns } from "./text.js";

export const ROW = 20;
const MOST_PIXELS = 6e6;

/** Return {top, height, total, y(i), at(y)}: of the window, the line with index i, the index at y.
 *
 * `perRow`: how many characters fit into a row; 0 if lines do not wrap.
 */
export function layout(log, perRow) {
  const heights = perRow ? sums(log.lines, perRow) : null;
  const n = log.lines.length;
  const height = heights ? heights[n] : n * ROW;
  const [before, behind] = [log.bytesBefore, log.bytesAfter].map((bytes) => bytes * log.density * ROW);
  const shrink = Math.min(1, MOST_PIXELS / Math.max(1, before + behind));
  const least = (px, none) => (none ? 0 : Math.max(ROW, Math.round(px * shrink)));
  const top = least(before, log.first);
  return {
    top,
    height,
    total: top + height + least(behind, log.last),
    y: (i) => (heights ? heights[i] : i * ROW),
    at: (y) => (heights ? search(heights, y) : Math.min(n - 1, Math.max(0, Math.floor(y / ROW)))),
  };
}

/** Return the sums of the heights of the lines before each. */
function sums(lines, perRow) {
  const found = new Float64Array(lines.length + 1);
  for (let i = 0; i < lines.length; i += 1) found[i + 1] = found[i] + height(lines[i], perRow);
  return found;
}

function height(line, perRow) {
  if (line.measured?.perRow === perRow) return line.measured.height;
  return Math.max(1, Math.ceil(columns(line) / perRow)) * ROW;
}

/** Return the index of the last sum that is not above y. */
function search(sums, y) {
  let [low, high] = [0, sums.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sums[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
