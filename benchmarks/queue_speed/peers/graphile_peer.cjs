// graphile-worker: URL WHAT NUMBER QUEUE. A local queue of that size and batched completion, or plain for latency.
const { Logger, makeWorkerUtils, run } = require("graphile-worker");
const { Pool } = require("pg");

const [url, what, numberText, queueText] = process.argv.slice(2);
const number = Number(numberText);
const size = Number(queueText);
const target = new URL(url.replace("postgresql://", "http://").replace("@/", "@localhost/"));
const pgPool = new Pool({
  host: target.searchParams.get("host") || target.hostname,
  port: Number(target.searchParams.get("port") || target.port || 5432),
  user: decodeURIComponent(target.username),
  password: decodeURIComponent(target.password) || undefined,
  database: target.pathname.slice(1),
  max: 30,
});
pgPool.on("error", () => {});
pgPool.on("connect", (client) => client.on("error", () => {}));
const logger = new Logger(() => () => {});
const now = () => Number(process.hrtime.bigint()) / 1e9;

async function main() {
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  const times = [];
  const starts = [];
  let finished;
  const done = new Promise((resolve) => (finished = resolve));
  const taskList = {
    noop: async (payload) => {
      times.push(now());
      starts.push(now() - payload.at);
      if (times.length >= number) finished();
    },
  };
  if (what === "latency") {
    const runner = await run({ pgPool, logger, taskList, concurrency: 10, noHandleSignals: true });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    for (let i = 0; i < number; i++) {
      await utils.addJob("noop", { at: now() });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await done;
    await runner.stop();
    return { starts };
  }
  const began = now();
  for (let first = 0; first < number; first += 10000) {
    const count = Math.min(10000, number - first);
    await utils.addJobs(Array.from({ length: count }, () => ({ identifier: "noop", payload: {} })));
  }
  const enqueue = number / (now() - began);
  const runner = await run({
    pgPool,
    logger,
    taskList,
    noHandleSignals: true,
    preset: { worker: { concurrentJobs: 24, localQueue: { size }, completeJobBatchDelay: 0, maxPoolSize: 30 } },
  });
  await done;
  await runner.stop();
  return { enqueue, throughput: number / (now() - times[0]) };
}

main().then(
  (found) => {
    console.log(JSON.stringify(found));
    process.exit(0);
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
