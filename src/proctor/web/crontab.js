// Lines of a crontab as the fields of tasks.  Pure.  Source: crontab(5) of Debian's and cronie's cron.

const MACRO = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|reboot)$/i;
const FIELD = /^[\d*,/\-#LW]+$|^[\d*,/\-a-z#]*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)[\d*,/\-a-z#]*$/i;
const ASSIGNMENT = /^\s*("?)([A-Za-z_][A-Za-z0-9_]*)\1\s*=\s*(.*?)\s*$/;

/** Accounts that a system has: a sixth word that is one of them is the user of /etc/crontab. */
const ACCOUNTS = new Set([
  "root", "daemon", "bin", "sys", "www-data", "nobody", "backup", "mail", "news", "man", "games", "list", "irc", "proxy", "uucp", "lp", "sync",
  "postgres", "mysql", "redis", "git", "nginx", "apache", "http", "postfix", "munin", "logcheck", "sshd", "ubuntu", "debian", "admin", "ec2-user", "deploy",
]);

/** Return {jobs, errors}: a job is {line, fields, notes}, an error {line, text}.
 *
 * `user`: "yes" or "no", whether lines have a user's name before the command; "auto": by its name.
 */
export function parseCrontab(text, user = "auto") {
  const state = { settings: {}, comment: "", jobs: [], errors: [] };
  const taken = new Set();
  for (const [n, raw] of text.split(/\r?\n/).entries()) readLine(state, raw.trim(), n + 1, user, taken);
  return { jobs: state.jobs, errors: state.errors };
}

function readLine(state, line, number, user, taken) {
  if (line === "") {
    state.comment = "";
  } else if (line.startsWith("#")) {
    state.comment = line.replace(/^#+\s*/, "");
  } else if (ASSIGNMENT.test(line)) {
    const [, , name, value] = ASSIGNMENT.exec(line);
    state.settings[name] = unquoted(value);
  } else {
    const job = jobOf(line, state.settings, user, taken);
    if (typeof job === "string") state.errors.push({ line: number, text: job });
    else state.jobs.push({ ...job, fields: { ...job.fields, ...(state.comment && { description: state.comment }) } });
    state.comment = "";
  }
}

function jobOf(line, settings, user, taken) {
  // cronie: a dash in front means that the run is not logged.
  const found = split(line.replace(/^-(?=[\d*@])/, ""));
  if (typeof found === "string") return found;
  let { cron, rest } = found;
  let account = null;
  const [first, ...more] = rest.split(/\s+/);
  if (user === "yes" || (user === "auto" && ACCOUNTS.has(first) && more.length > 0)) {
    if (!more.length) return "no command follows the user's name";
    account = first;
    rest = rest.slice(first.length).trim();
  }
  const { command, input } = percents(rest);
  if (command === "") return "no command follows the schedule";
  const { fields, notes } = surroundings(settings);
  const shell = settings.SHELL && settings.SHELL !== "/bin/sh" ? settings.SHELL : null;
  const whole = input === null ? command : `{ ${command}\n} <<'END'\n${input}\nEND`;
  return {
    line,
    notes: [...notes, "Cron starts a run even while the one before goes on; here it is skipped then, if not said otherwise."],
    fields: {
      name: nameOf(command, taken),
      type: "cron",
      cmd: shell ? [shell, "-c", whole] : whole,
      cron,
      ...(account && { user: account }),
      ...fields,
    },
  };
}

/** Return {cron, rest}: the schedule, and what follows it; or what is wrong. */
function split(line) {
  const words = line.split(/\s+/);
  if (line.startsWith("@")) {
    if (!MACRO.test(words[0])) return `${words[0]} is no schedule that is known here`;
    if (words.length < 2) return "no command follows the schedule";
    return { cron: words[0].toLowerCase(), rest: line.slice(words[0].length).trim() };
  }
  if (words.length < 6 || !words.slice(0, 5).every((word) => FIELD.test(word))) {
    return "expected five fields (minute, hour, day, month, weekday) and a command";
  }
  const head = /^(?:\S+\s+){5}/.exec(line)[0];
  return { cron: words.slice(0, 5).join(" "), rest: line.slice(head.length).trim() };
}

/** A `%` ends the command, those that follow are newlines of its input; `\%` is a `%`. */
function percents(text) {
  const parts = text.split(/(?<!\\)%/).map((part) => part.replaceAll("\\%", "%"));
  return { command: parts[0].trim(), input: parts.length > 1 ? parts.slice(1).join("\n") : null };
}

/** What a crontab's settings are here. */
function surroundings(settings) {
  const { CRON_TZ, HOME, SHELL, MAILTO, MAILFROM, RANDOM_DELAY, LOGNAME, ...env } = settings;
  const fields = {};
  const notes = [];
  if (CRON_TZ) fields.timezone = CRON_TZ;
  if (HOME) fields.cwd = HOME;
  if (Number(RANDOM_DELAY) > 0) fields.schedule_jitter = 60 * Number(RANDOM_DELAY);
  if (Object.keys(env).length) fields.env = env;
  if (MAILTO) notes.push(`Nothing is sent to ${MAILTO}: the output is kept, and shown with the task.`);
  return { fields, notes };
}

const unquoted = (text) => /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;

/** Return a name for what a command does: that of its program, or of the script that it runs. */
function nameOf(command, taken) {
  const words = command.split(/\s+/).filter((word) => !/^[A-Za-z_]\w*=/.test(word) && !/^[-(>|&]/.test(word));
  const runners = /^(nice|ionice|env|sudo|flock|time|timeout|sh|bash|dash|zsh|python[\d.]*|perl|ruby|node|php|test|cd|\[|!|exec|chronic)$/;
  const named = words.find((word, n) => n === words.length - 1 || (!runners.test(base(word)) && !/^\d+$/.test(word))) ?? "job";
  const plain = base(named).replace(/\.(sh|py|pl|rb|js|php)$/, "").replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9_]+/, "").slice(0, 100) || "job";
  let name = plain;
  for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`;
  taken.add(name);
  return name;
}

const base = (path) => path.split("/").filter(Boolean).at(-1) ?? "";
