/**
 * Metrics in Prometheus' text format: duration of requests by method, resource type and class of status; the pool of
 * connections; the process. https://prometheus.io/docs/practices/naming/
 *
 * Labels have few values (FHIR's types, not what a caller writes), for each combination is a time series.
 */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { typeNumber } from './fhir/resource-types.ts';

export interface Request {
  readonly method: string;
  readonly type: string;
  readonly status: number;
  readonly milliseconds: number;
}

export interface Metrics {
  observe(request: Request): void;
  text(): Promise<{ contentType: string; text: string }>;
}

/** Seconds; from a cached read to the statement timeout. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

/** A registry of its own, so that several servers in one process (tests) do not count together. */
export function makeMetrics(load: () => { used: number; idle: number; waiting: number }): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'makhbar_request_duration_seconds',
    help: 'Time from the arrival of a FHIR request to its answer',
    labelNames: ['method', 'type', 'status'],
    buckets,
    registers,
  });
  new Gauge({
    name: 'makhbar_database_connections',
    help: 'Connections to PostgreSQL in use and idle, and callers waiting for one',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(load())) this.set({ state }, count);
    },
  });
  return {
    observe: ({ method, type, status, milliseconds }) => {
      const known = type === '' || typeNumber(type) !== undefined ? type : 'unknown';
      duration.observe({ method, type: known, status: `${Math.floor(status / 100)}xx` }, milliseconds / 1000);
    },
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
