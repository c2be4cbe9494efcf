/**
 * Observation/[id]/$attach: a picture or a PDF of an analyzer or a bench, kept with a result.
 *
 *   POST [base]/Observation/[id]/$attach    attachment (Attachment with contentType, data, title?)    200: the DocumentReference
 *
 * The DocumentReference names the result (`DocumentReference?related=Observation/…`) and has the bytes in a Binary that whoever
 * may read the result may read. It has the labels of the result. What it is must be what its first bytes say.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { withFile } from '../../../interactions/binary-files.ts';
import { commitAll, inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { newId } from '../../../interactions/new-id.ts';
import { countFile } from '../../../interactions/storage.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { object, objects, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { addBinaryFile, type BinaryFile } from '../../../store/binary-files.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing } from '../../request-input.ts';
import { asServer, made, writeAll, writtenResource } from '../server-rights.ts';
import { known } from '../specimens-and-orders.ts';

/** Larger than any chart or picture of a field: a guess. */
const mostBytes = 10_000_000;

/** The first bytes of what is taken. */
const signatures: Readonly<Record<string, string>> = {
  'application/pdf': '255044462d',
  'image/png': '89504e470d0a1a0a',
  'image/jpeg': 'ffd8ff',
};

interface Attached {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly title?: string;
}

export async function attach(context: Context, call: Call): Promise<Answer> {
  const attached = attachedIn(await operationInput(context, call, ['attachment']));
  const { resource } = await known(context, 'Observation', call.target.id);
  if (['withdrawn', 'cancelled'].includes(resultState(resource))) {
    throw outcomeError(
      'conflict',
      `Observation/${call.target.id} is ${resultState(resource)}: nothing is attached to it.`,
    );
  }
  return withFile(context, contentOf(attached), (file) =>
    inTransaction(context, async (inside) => ({
      status: 200,
      resource: await stored(inside, resource, attached, file),
    })),
  );
}

function contentOf({ bytes, contentType }: Attached): Parameters<typeof withFile>[1] {
  return { resource: {}, contentType, content: bytes, raw: true };
}

async function stored(
  inside: Context,
  observation: JsonObject,
  { contentType, bytes, title }: Attached,
  file: BinaryFile,
): Promise<JsonObject> {
  const server = asServer(inside);
  const [binaryId, result] = [newId(), `Observation/${String(observation['id'])}`];
  const security = objects(object(observation['meta'])['security']);
  const labels = security.length === 0 ? {} : { meta: { security } };
  const binary = { resourceType: 'Binary', ...labels, contentType, securityContext: { reference: result } };
  const [written] = await commitAll(server, [made(server, binary, binaryId)]);
  if (written === undefined) throw new Error('A new id was taken already.');
  await addBinaryFile(inside.session, written, file);
  countFile(inside, file.size);
  const reference = made(server, {
    resourceType: 'DocumentReference',
    ...labels,
    status: 'current',
    ...(observation['subject'] !== undefined && { subject: observation['subject'] }),
    date: new Date().toISOString(),
    content: [
      {
        attachment: {
          contentType,
          url: `Binary/${binaryId}`,
          size: bytes.length,
          hash: createHash('sha1').update(bytes).digest('base64'),
          ...(title !== undefined && { title }),
        },
      },
    ],
    context: { related: [{ reference: result }] },
  });
  await writeAll(server, [reference]);
  return writtenResource(reference);
}

function attachedIn(input: Input): Attached {
  const attachment = input.value('attachment') ?? missing('attachment');
  const [contentType, data] = [text(attachment['contentType']) ?? '', text(attachment['data']) ?? ''];
  const signature = Object.hasOwn(signatures, contentType) ? signatures[contentType] : undefined;
  if (signature === undefined) {
    const taken = Object.keys(signatures).join(', ');
    throw outcomeError('not-supported', `An attachment is ${taken}, not "${contentType.slice(0, 60)}".`, {
      status: 422,
    });
  }
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length > mostBytes) throw outcomeError('too-long', `An attachment has ${mostBytes} bytes at most.`);
  if (bytes.subarray(0, signature.length / 2).toString('hex') !== signature) {
    throw outcomeError('value', `The attachment is no ${contentType}: its first bytes say something else.`);
  }
  const title = text(attachment['title'])?.slice(0, 200);
  return { contentType, bytes, ...(title !== undefined && { title }) };
}
