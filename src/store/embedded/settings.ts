/** Settings of the embedded PostgreSQL, sized from the machine. https://www.postgresql.org/docs/18/runtime-config.html */
import { totalmem } from 'node:os';

const MiB = 1024 * 1024;

/** Memory that this process may use: the machine's, or the container's when that is less. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

export function serverSettings(memory: number): Record<string, string> {
  const sharedBuffers = bounded(memory / 8, 64 * MiB, 2048 * MiB);
  return {
    cluster_name: 'makhbar',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Eleven workers with 16 connections each, and the command line beside them.
    max_connections: '200',
    shared_buffers: megabytes(sharedBuffers),
    effective_cache_size: megabytes(memory / 2),
    maintenance_work_mem: megabytes(bounded(memory / 32, 32 * MiB, 512 * MiB)),
    work_mem: megabytes(bounded(memory / 512, 4 * MiB, 32 * MiB)),
    huge_pages: 'off',
    // 2 to 3 times the execution time of our longest statements went into compiling them.
    jit: 'off',
    random_page_cost: '1.1',
    // Hash keys touch random leaf pages: each checkpoint makes all of them full-page images again.
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    wal_compression: 'on',
    // What the planner does not know of a new laboratory yet costs seconds a search: looked for four times a minute.
    autovacuum_naptime: '15s',
    fsync: 'on',
    synchronous_commit: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // Statements and details quote column values, which are patient data.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_min_messages: 'fatal',
  };
}

function bounded(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MiB)}MB`;
}
