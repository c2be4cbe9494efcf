/** What is counted for each laboratory and day (UTC). Names are stored: they may be added to, but not changed. */

/** What a request was, as far as usage goes; a batch or transaction is one write. */
export type RequestClass = 'read' | 'search' | 'write' | 'operation';

export type Metric = `requests-${RequestClass}` | 'requests-throttled' | 'bytes-in' | 'bytes-out' | 'resources-written';

/** Kept as a level, not as a sum. */
export const storedMetric = 'stored-bytes';

export const metrics: Readonly<Record<Metric | typeof storedMetric, string>> = {
  'requests-read': 'reads of one resource or of a history',
  'requests-search': 'searches',
  'requests-write': 'creates, updates, patches, deletions, batches and transactions',
  'requests-operation': 'operations',
  'requests-throttled': 'requests refused because of a limit of requests',
  'bytes-in': 'bytes received over HTTP, headers included',
  'bytes-out': 'bytes sent over HTTP, headers included',
  'resources-written': 'versions written, deletions included',
  'stored-bytes': 'bytes of JSON of all versions, of all files and of what apps keep',
};
