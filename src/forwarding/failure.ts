/** Why a feed stalls, as a sentence for administrators: nothing of what the receiver said, no address, no secret. */
import { OutcomeError } from '../fhir/outcome.ts';
import { NotTaken } from './receiver.ts';

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The receiver does not listen there.',
  ECONNRESET: 'The receiver broke the connection.',
  EPIPE: 'The receiver broke the connection.',
  ENOTFOUND: 'The name of the receiver is not known.',
  EAI_AGAIN: 'The name of the receiver cannot be asked for now.',
  EHOSTUNREACH: 'The receiver cannot be reached.',
  ENETUNREACH: 'The receiver cannot be reached.',
  ETIMEDOUT: 'The receiver does not answer.',
  NOT_PUBLIC: 'The name of the receiver leads to an address that is not public; only the operator may set it.',
};

export function failureSentence(error: unknown): string {
  if (error instanceof NotTaken || error instanceof OutcomeError) return error.message;
  const { name, code = '' } = error as { name?: string; code?: string };
  if (name === 'TimeoutError' || name === 'AbortError') return 'The receiver did not take the events in time.';
  if (sentences[code] !== undefined) return sentences[code];
  const certificate = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/.test(code);
  if (certificate) return `The certificate of the receiver is not trusted (${code}).`;
  return `It failed (${code === '' ? (name ?? 'unknown') : code}).`.slice(0, 200);
}
