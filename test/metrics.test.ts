/** What /metrics says, and that a caller cannot make it grow. */
import { expect, test } from '@jest/globals';
import { makeMetrics } from '../src/metrics.ts';

const noQueues = async () => ({ stalled: 0, waiting: 0, seconds: 0 });
const none = { feeds: async () => [], queues: noQueues };
const idle = () => ({ used: 2, idle: 3, waiting: 1 });

test('requests are counted by method, type and class of status', async () => {
  const metrics = makeMetrics(idle, none);
  metrics.observe({ method: 'GET', type: 'Patient', status: 200, milliseconds: 3 });
  metrics.observe({ method: 'GET', type: 'Patient', status: 204, milliseconds: 30 });
  const { contentType, text } = await metrics.text();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  const line = (le: string) =>
    `makhbar_request_duration_seconds_bucket{le="${le}",method="GET",type="Patient",status="2xx"}`;
  expect(text).toContain(`${line('0.0025')} 0`);
  expect(text).toContain(`${line('0.005')} 1`);
  expect(text).toContain(`${line('0.05')} 2`);
});

test('types that FHIR does not have are one series', async () => {
  const metrics = makeMetrics(idle, none);
  for (const type of ['Hostile', 'Other', '__proto__'])
    metrics.observe({ method: 'GET', type, status: 404, milliseconds: 1 });
  expect((await metrics.text()).text).toContain(
    'makhbar_request_duration_seconds_count{method="GET",type="unknown",status="4xx"} 3',
  );
});

test('the pool as it is when asked', async () => {
  const { text } = await makeMetrics(idle, none).text();
  for (const [state, count] of Object.entries(idle())) {
    expect(text).toContain(`makhbar_database_connections{state="${state}"} ${count}`);
  }
});

test('feeds of the audit log: how far behind, and how many take nothing', async () => {
  const feeds = async () => [{ kind: 'syslog', seconds: 12.5, stalled: 1 }];
  const { text } = await makeMetrics(idle, { feeds, queues: noQueues }).text();
  expect(text).toContain('makhbar_audit_feed_lag_seconds{kind="syslog"} 12.5');
  expect(text).toContain('makhbar_audit_feeds_stalled{kind="syslog"} 1');
  const away = () => Promise.reject(new Error('no database'));
  const broken = await makeMetrics(idle, { feeds: away, queues: away }).text();
  expect(broken.text).toContain('makhbar_request_duration_seconds');
});

test('messages that wait to be sent, and interfaces whose peer takes none', async () => {
  const queues = async () => ({ stalled: 2, waiting: 7, seconds: 1.5 });
  const { text } = await makeMetrics(idle, { ...none, queues }).text();
  expect(text).toContain('makhbar_outbound_messages_waiting 7');
  expect(text).toContain('makhbar_outbound_lag_seconds 1.5');
  expect(text).toContain('makhbar_outbound_interfaces_stalled 2');
});
