// Numbers and times as people read them.

/** Seconds in at most two units: "3 d 4 h", "5 min", "42 s", "0.25 s". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s < 600 ? s % 60 : 0, "s");
  if (s < 86_400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

/** As `duration`, in whole seconds: for what ticks. */
export const ticking = (seconds) => duration(seconds < 1 ? 0 : Math.floor(seconds)).replace("0 ms", "0 s");

const two = (a, unit, b, smaller) => (b ? `${a} ${unit} ${b} ${smaller}` : `${a} ${unit}`);

/** Bytes with a unit of 1024: "512 KiB", "1.5 GiB". */
export function bytes(size) {
  if (size === null || size === undefined) return "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let n = 0;
  while (size >= 1000 && n < units.length - 1) {
    size /= 1024;
    n += 1;
  }
  return `${size < 10 && n ? Number(size.toFixed(1)) : Math.round(size)} ${units[n]}`;
}

/** CPUs in use as a percentage of one: "25 %". */
export function percent(cpu) {
  if (cpu === null || cpu === undefined) return "";
  const share = cpu * 100;
  return `${share > 0 && share < 9.95 ? share.toFixed(1) : Math.round(share)} %`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });

/** Unix seconds as a moment: the time of today, else the day too. */
export function moment(at, today = new Date()) {
  if (at === null || at === undefined) return "";
  const when = new Date(at * 1000);
  const time = CLOCK.format(when);
  return when.toDateString() === today.toDateString() ? time : `${DAY.format(when)}, ${time}`;
}

/** Unix seconds in full, with the zone: for a title. */
export const fullMoment = (at) => (at ? FULL.format(new Date(at * 1000)) : "");

/** "1 task", "3 tasks". */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
