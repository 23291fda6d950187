// Values within a spec by their path, as errors name them: "deps[1].until".  Pure.

const pieces = (path) => path.split(/[.[\]]+/).filter(Boolean).map((one) => (/^\d+$/.test(one) ? Number(one) : one));

/** The first piece: "deps". */
export const rootOf = (path) => /^[^.[]*/.exec(path)[0];

export function getIn(spec, path) {
  return pieces(path).reduce((value, piece) => value?.[piece], spec);
}

/** Return the spec with another value there; undefined removes it, and objects that are empty then. */
export function setIn(spec, path, value) {
  return put(spec, pieces(path), value) ?? {};
}

function put(value, [piece, ...rest], next) {
  const inner = rest.length ? put(value?.[piece], rest, next) : next;
  const copy = { ...(value ?? {}) };
  if (inner === undefined) delete copy[piece];
  else copy[piece] = inner;
  return Object.keys(copy).length ? copy : undefined;
}

/** Whether an error of field `field` belongs to what is edited at `path`. */
export const concerns = (field, path) => field === path || (field.startsWith(path) && /^[.[]/.test(field.slice(path.length)));

/** A command line as words, quotes heeded as a shell does; null if it needs a shell. */
export function wordsOf(line) {
  if (/[|&;<>()$`\n*?~#!{}]/.test(line)) return null;
  const words = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return words.map((word) => word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double, single, one) => double?.replace(/\\(.)/g, "$1") ?? single ?? one));
}
