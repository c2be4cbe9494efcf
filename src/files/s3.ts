/**
 * A file store in a bucket of any S3-compatible service.
 *
 * Library: s3mini (no dependencies, 84 kB, maintained; signs every call). `@aws-sdk/client-s3` brings some 20 MB for the
 * five calls needed here, `minio` thirteen dependencies; with `aws4fetch` multipart and listing would be ours to write.
 * Content of unknown size goes up in parts of 8 MiB (10,000 parts at most, so 78 GiB), one part in memory at a time;
 * what fits into one part is a plain PUT. S3 shows an object only when it is complete.
 */
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { S3mini, S3ServiceError } from 's3mini';
import { blocks, type ByteRange, type Content, type FileStore, type Listed } from './store.ts';
import { checkKey, checkPrefix, notFound, putBy, storeFailure } from './store.ts';

export interface S3Settings {
  /** Address of the bucket: `https://host/bucket`. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

type WebStream = Parameters<typeof Readable.fromWeb>[0];

const partSize = 8 * 1024 * 1024;
/** A guess: two repeats with growing pauses carry over the short 503s that S3 services give under load. */
const pauses = [200, 1_000];

export function s3Files(settings: S3Settings): FileStore {
  const bucket = new S3mini(settings);
  const write: FileStore['write'] = (key, content) => upload(bucket, checkKey(key), content);
  return {
    put: (key, content) => putBy(write, key, content),
    write,
    get: (key, range) => get(bucket, checkKey(key), range),
    async delete(key) {
      const name = checkKey(key);
      await repeated(() => bucket.deleteObject(name));
    },
    list: (prefix) => list(bucket, checkPrefix(prefix)),
  };
}

async function upload(bucket: S3mini, key: string, content: Content): Promise<number> {
  const parts = new Upload(bucket, key);
  let size = 0;
  try {
    for await (const { bytes, last } of blocks(content, partSize)) {
      await parts.add(bytes, last);
      size += bytes.length;
    }
  } catch (error) {
    await parts.abort();
    throw error;
  }
  return size;
}

/** A multipart upload that begins with the second part. */
class Upload {
  readonly #bucket: S3mini;
  readonly #key: string;
  #id: string | undefined;
  readonly #parts: { partNumber: number; etag: string }[] = [];

  constructor(bucket: S3mini, key: string) {
    this.#bucket = bucket;
    this.#key = key;
  }

  async add(bytes: Buffer, last: boolean): Promise<void> {
    if (last && this.#id === undefined) {
      await repeated(() => this.#putWhole(bytes));
      return;
    }
    const id = (this.#id ??= await repeated(() => this.#bucket.getMultipartUploadId(this.#key)));
    const number = this.#parts.length + 1;
    this.#parts.push(await repeated(() => this.#bucket.uploadPart(this.#key, id, bytes, number)));
    if (last) {
      await repeated(() => this.#complete(id));
    }
  }

  async #putWhole(bytes: Buffer): Promise<void> {
    const response = await this.#bucket.putObject(this.#key, bytes);
    await response.body?.cancel();
  }

  /** S3 may answer 200 with an error inside; only an entity tag says that the object exists. */
  async #complete(id: string): Promise<void> {
    const { etag } = await this.#bucket.completeMultipartUpload(this.#key, id, this.#parts);
    if (!etag) {
      throw new Error('The service did not complete the upload.');
    }
  }

  async abort(): Promise<void> {
    if (this.#id !== undefined) {
      await this.#bucket.abortMultipartUpload(this.#key, this.#id).catch(() => undefined);
    }
  }
}

async function get(bucket: S3mini, key: string, range: ByteRange = { start: 0 }): Promise<Readable> {
  if (range.end !== undefined && range.end <= range.start) {
    return Readable.from([]);
  }
  const whole = range.start === 0 && range.end === undefined;
  try {
    const { body } = await repeated(() => bucket.getObjectRaw(key, whole, range.start, range.end));
    return body === null ? Readable.from([]) : Readable.fromWeb(body as WebStream);
  } catch (error) {
    throw statusOf(error) === 404 ? notFound(key) : error;
  }
}

async function* list(bucket: S3mini, prefix: string): AsyncGenerator<Listed> {
  let token: string | undefined;
  do {
    const page = await repeated(() => bucket.listObjectsPaged('/', prefix, 1_000, token));
    for (const object of page?.objects ?? []) {
      yield { key: object.Key, size: Number(object.Size), modified: new Date(object.LastModified) };
    }
    token = page?.nextContinuationToken;
  } while (token !== undefined);
}

/** A call, repeated when the service is busy or the line breaks; every call here can be repeated without harm. */
async function repeated<T>(call: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error)) {
        throw storeFailure(error);
      }
      await setTimeout(pause);
    }
  }
  return call().catch((error: unknown) => {
    throw storeFailure(error);
  });
}

function isPassing(error: unknown): boolean {
  return !(error instanceof S3ServiceError) || error.status >= 500 || error.status === 429;
}

/** The status in the answer of the service, which `storeFailure` keeps as the cause. */
function statusOf(error: unknown): number | undefined {
  const { cause } = error as Error;
  return cause instanceof S3ServiceError ? cause.status : undefined;
}
