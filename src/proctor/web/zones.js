// Time zones: the browser's own, and moments as another zone has them.
/** The browser's zone, as IANA calls it. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const EXACT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** Unix seconds as the day here: "Tue, 24 Nov". */
export const dayOf = (at) => DAY.format(new Date(at * 1000));

/** Unix seconds as the time of the day here: "04:30", or "04:30:15". */
export const timeOf = (at) => (at % 60 ? EXACT : TIME).format(new Date(at * 1000));

/** The clock of a text like "2030-01-01T04:30:00+01:00": "04:30", with the seconds if there are any. */
export const clockIn = (iso) => (iso.slice(17, 19) === "00" ? iso.slice(11, 16) : iso.slice(11, 19));

/** The offset of such a text: "+01:00". */
export const offsetIn = (iso) => iso.slice(19).replace(/^\.\d+/, "");

/** Whether the clock there shows the same as the one here at that moment. */
export function sameClock(at, iso) {
  const minutes = -new Date(at * 1000).getTimezoneOffset();
  const [, sign, hours, rest] = /([+-])(\d\d):(\d\d)/.exec(offsetIn(iso)) ?? [null, "+", 0, 0];
  return minutes === (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(rest));
}

/** A zone as one reads it; `local` is the service's own, which it may not know the name of. */
export const zoneWords = (zone) => (zone === "local" ? "the service's time" : zone.replaceAll("_", " "));

/** What a clock change does, in words: "clocks go back 1 h, 03:00 becomes 02:00". */
export function changeWords({ seconds, before, after }) {
  const minutes = Math.abs(seconds) / 60;
  const long = minutes % 60 ? `${minutes} min` : `${minutes / 60} h`;
  return `clocks go ${seconds > 0 ? "forward" : "back"} ${long}, ${clockIn(before)} becomes ${clockIn(after)}`;
}
