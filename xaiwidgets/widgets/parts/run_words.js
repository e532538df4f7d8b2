// The words of every state. Numbers are rounded so that a glance is enough.

function duration(seconds) {
  if (seconds < 1) return "less than 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const count = (number) => Math.floor(number).toLocaleString("en-US");
const steps = (number) => `${count(number)} ${Math.floor(number) === 1 ? "step" : "steps"}`;
const percent = (number) => `${Math.floor(number)} %`;

/** What stands in the bar; `state` holds the bar's traits. */
function words(state) {
  const { status, done, total, seconds_left: left, seconds, expected } = state;
  const shares = state.unit === "%"; // stages of different kinds have no step in common
  const at = shares ? percent(done) : `step ${count(done)}`;
  const where = total > 0 ? at + (shares ? "" : ` of ${count(total)}`) : "";
  const all = shares ? "Done" : steps(total || done);
  switch (status) {
    case "queued": return "Waiting for its turn";
    case "running": return !where ? "Running" : where + (left >= 0 ? ` · ${duration(left)} left` : "");
    case "paused": return where ? `Paused at ${where}` : "Paused";
    case "done": return all + (seconds >= 0 ? ` in ${duration(seconds)}` : shares ? "" : " done");
    case "cancelled": return `Stopped at ${at}`;
    case "failed": return where && done > 0 ? `Failed at ${where}` : "Failed";
    case "disconnected": return "No answer from Python";
    default: return state.runnable === false ? "Nothing to run yet" : "Ready" + (expected ? ` · ${expected}` : "");
  }
}

/** What a screen reader hears: changes of state, and each quarter of a run; never every step. */
function spoken(state) {
  if (state.status !== "running") return words(state);
  const quarter = state.total > 0 ? Math.floor((4 * state.done) / state.total) : 0;
  return quarter > 0 && quarter < 4 ? `Running, ${25 * quarter} percent` : "Running";
}
