/** The file store that the configuration names: a bucket, or the folder `files` under DATA_DIR. */
import { join } from 'node:path';
import { folderFiles } from './folder.ts';
import { s3Files, type S3Settings } from './s3.ts';
import type { FileStore } from './store.ts';

export interface FilesSettings {
  readonly dataDir: string;
  readonly s3: Readonly<S3Settings> | undefined;
}

export function openFiles({ dataDir, s3 }: FilesSettings): FileStore {
  return s3 === undefined ? folderFiles(filesFolder(dataDir)) : s3Files(s3);
}

export function filesFolder(dataDir: string): string {
  return join(dataDir, 'files');
}
