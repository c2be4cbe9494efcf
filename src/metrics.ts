/**
 * Metrics in Prometheus' text format: duration of requests by method, resource type and class of status; the pool of
 * connections; the process. https://prometheus.io/docs/practices/naming/
 *
 * Labels have few values (FHIR's types, not what a caller writes), for each combination is a time series.
 */
import { AggregatorRegistry, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { typeNumber } from './fhir/resource-types.ts';

export interface Measured {
  readonly method: string;
  readonly type: string;
  readonly status: number;
  readonly milliseconds: number;
}

export interface Metrics {
  observe(request: Measured): void;
  text(): Promise<{ contentType: string; text: string }>;
}

/** Seconds; from a cached read to the statement timeout. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

/** How far the feeds of the audit log are behind, by kind. */
type FeedLags = () => Promise<readonly { kind: string; seconds: number; stalled: number }[]>;

/** Messages that wait to be sent, over all interfaces. */
type QueueLags = () => Promise<{ stalled: number; waiting: number; seconds: number }>;

/** What waits to leave the server. */
export interface Lags {
  readonly feeds: FeedLags;
  readonly queues: QueueLags;
}

type Load = () => { used: number; idle: number; waiting: number };

/**
 * A registry of its own, so that several servers in one process (tests) do not count together.
 * @param ofAllWorkers in a worker, what gives the metrics of all of them
 */
export function makeMetrics(load: Load, lags: Lags, ofAllWorkers?: () => Promise<string>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  watchPool(registry, load);
  watchFeeds(registry, lags.feeds);
  watchQueues(registry, lags.queues);
  const duration = new Histogram({
    name: 'makhbar_request_duration_seconds',
    help: 'Time from the arrival of a FHIR request to its answer',
    labelNames: ['method', 'type', 'status'],
    buckets,
    registers: [registry],
  });
  if (ofAllWorkers !== undefined) shareWithParent(registry);
  const text = ofAllWorkers ?? (() => registry.metrics());
  return {
    observe: ({ method, type, status, milliseconds }) => {
      const known = type === '' || typeNumber(type) !== undefined ? type : 'unknown';
      duration.observe({ method, type: known, status: `${Math.floor(status / 100)}xx` }, milliseconds / 1000);
    },
    text: async () => ({ contentType: registry.contentType, text: await text() }),
  };
}

function watchPool(registry: Registry, load: Load): void {
  new Gauge({
    name: 'makhbar_database_connections',
    help: 'Connections to PostgreSQL in use and idle, and callers waiting for one',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, count] of Object.entries(load())) this.set({ state }, count);
    },
  });
}

/** Every process sees all feeds: of several workers one is as good as another. */
function watchFeeds(registry: Registry, feedLags: FeedLags): void {
  const gauge = (name: string, help: string, of: (lag: Awaited<ReturnType<FeedLags>>[number]) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers: [registry],
      aggregator: 'max',
      async collect() {
        this.reset();
        for (const lag of await feedLags().catch(() => [])) this.set({ kind: lag.kind }, of(lag));
      },
    });
  };
  gauge(
    'makhbar_audit_feed_lag_seconds',
    'Age of the oldest event that a feed has not delivered',
    (lag) => lag.seconds,
  );
  gauge('makhbar_audit_feeds_stalled', 'Feeds of the audit log whose receiver takes nothing', (lag) => lag.stalled);
}

function watchQueues(registry: Registry, queueLags: QueueLags): void {
  const gauge = (name: string, help: string, of: (lag: Awaited<ReturnType<QueueLags>>) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      aggregator: 'max',
      async collect() {
        const lag = await queueLags().catch(() => undefined);
        if (lag !== undefined) this.set(of(lag));
      },
    });
  };
  gauge('makhbar_outbound_messages_waiting', 'Messages that wait to be sent', (lag) => lag.waiting);
  gauge('makhbar_outbound_lag_seconds', 'Age of the oldest message that waits to be sent', (lag) => lag.seconds);
  gauge('makhbar_outbound_interfaces_stalled', 'Interfaces whose peer takes nothing', (lag) => lag.stalled);
}

function shareWithParent(registry: Registry): void {
  AggregatorRegistry.setRegistries([registry]);
  // Listens for the parent's question.
  void new AggregatorRegistry();
}

/** In the parent of workers: collects their metrics and adds them up. */
export function collectFromWorkers(): () => Promise<string> {
  const aggregator = new AggregatorRegistry();
  return () => aggregator.clusterMetrics();
}
