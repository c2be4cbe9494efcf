/**
 * A document that was made is kept: the file as a Binary (encrypted by the file store, its security context the report), a
 * DocumentReference that names it, the Provenance of both with a signature, and the row by which its code is found. All in
 * one transaction, with the rights of the server.
 *
 * The SHA-256 of the file stands in the DocumentReference as a name (RFC 6920), and so in what is signed.
 * https://hl7.org/fhir/R4/documentreference.html
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../fhir/json.ts';
import { withFile } from '../../../interactions/binary-files.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import { newId } from '../../../interactions/new-id.ts';
import { countFile } from '../../../interactions/storage.ts';
import { commitAll } from '../../../interactions/commit.ts';
import { loincSystem, object, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { addBinaryFile, type BinaryFile } from '../../../store/binary-files.ts';
import { addDocument, documentsOf, type ReportDocument } from '../../../store/report-documents.ts';
import { signedProvenance } from '../results/signature.ts';
import { asServer, changed, made, writeAll, writtenResource } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import type { Core } from './gather.ts';

export interface Keeping {
  readonly bytes: Buffer;
  readonly content: Buffer;
  readonly form: string;
  readonly codeDigest: Buffer;
  readonly title: string;
  readonly languages: readonly string[];
}

const alreadyThere = Symbol('already there');

/** Undefined where somebody else stored the same meanwhile. */
export async function keepDocument(
  context: Context,
  core: Core,
  keeping: Keeping,
): Promise<ReportDocument | undefined> {
  const content = { resource: {}, contentType: 'application/pdf', content: keeping.bytes, raw: true };
  try {
    return await withFile(context, content, (file) =>
      inTransaction(context, (inside) => write(inside, core, { ...keeping, file })),
    );
  } catch (error) {
    if (error === alreadyThere) return undefined;
    throw error;
  }
}

async function write(inside: Context, core: Core, keeping: Keeping & { file: BinaryFile }): Promise<ReportDocument> {
  const server = asServer(inside);
  const { file } = keeping;
  const [binaryId, documentId, now] = [newId(), newId(), new Date()];
  const document: ReportDocument = {
    codeDigest: keeping.codeDigest,
    rid: core.stored.rid,
    report: core.stored.id,
    content: keeping.content,
    form: keeping.form,
    binaryId,
    documentId,
    sha256: file.sha256,
    status: text(core.report['status']) ?? 'unknown',
    made: now,
  };
  const older = await documentsOf(inside.session, document.rid);
  if (!(await addDocument(inside.session, document))) throw alreadyThere;
  const binary = made(server, binaryOf(core), binaryId);
  const [written] = await commitAll(server, [binary]);
  if (written === undefined) throw new Error('A new id was taken already.');
  await addBinaryFile(inside.session, written, file);
  countFile(inside, file.size);
  const reference = made(server, documentReference(inside, core, { ...keeping, document }), documentId);
  await writeAll(server, [reference]);
  await supersede(server, older, keeping);
  await writeAll(server, [made(server, await provenanceOf(inside, core, writtenResource(reference)))]);
  return document;
}

function binaryOf({ report, results, specimens, patient }: Core): JsonObject {
  return {
    resourceType: 'Binary',
    ...labelled([report, ...results.values(), ...specimens, patient ?? {}]),
    contentType: 'application/pdf',
    securityContext: { reference: `DiagnosticReport/${String(report['id'])}` },
  };
}

/** All labels of what it tells. */
function labelled(resources: readonly JsonObject[]): JsonObject {
  const labels = new Map(
    resources.flatMap((one) =>
      objects(object(one['meta'])['security']).map(
        (label) => [`${text(label['system'])}|${text(label['code'])}`, label] as const,
      ),
    ),
  );
  return labels.size === 0 ? {} : { meta: { security: [...labels.values()] } };
}

/** DiagnosticReport.status → DocumentReference.docStatus */
const docStatus: Readonly<Record<string, string>> = {
  registered: 'preliminary',
  preliminary: 'preliminary',
  partial: 'preliminary',
  final: 'final',
  corrected: 'amended',
  amended: 'amended',
  appended: 'amended',
  cancelled: 'entered-in-error',
  'entered-in-error': 'entered-in-error',
};

function documentReference(
  { tenant }: Context,
  core: Core,
  { bytes, title, languages, document }: Keeping & { document: ReportDocument },
): JsonObject {
  const { report, results, specimens, patient } = core;
  const name = `ni:///sha-256;${Buffer.from(document.sha256, 'hex').toString('base64url')}`;
  return {
    resourceType: 'DocumentReference',
    ...labelled([report, ...results.values(), ...specimens, patient ?? {}]),
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: name },
    status: 'current',
    docStatus: docStatus[document.status] ?? 'preliminary',
    type: { coding: [{ system: loincSystem, code: '11502-2', display: 'Laboratory report' }] },
    ...(report['subject'] !== undefined && { subject: report['subject'] }),
    date: document.made.toISOString(),
    author: [{ display: tenant.title }],
    content: [
      {
        attachment: {
          contentType: 'application/pdf',
          language: languages[0] ?? 'en',
          url: `Binary/${document.binaryId}`,
          size: bytes.length,
          hash: createHash('sha1').update(bytes).digest('base64'),
          title,
          creation: document.made.toISOString(),
        },
      },
    ],
    context: { related: [{ reference: `DiagnosticReport/${document.report}` }] },
  };
}

/** Older documents of the report in the same languages are superseded by this one. */
async function supersede(server: Context, older: readonly ReportDocument[], { content }: Keeping): Promise<void> {
  const ids = older.filter((one) => !one.content.equals(content)).map(({ documentId }) => documentId);
  if (ids.length === 0) return;
  const known = await knownBy(server, 'DocumentReference', [['_id', ids.join()]]);
  const current = known.filter(({ resource }) => resource['status'] === 'current');
  await writeAll(
    server,
    current.map(({ resource, version }) => changed(server, { ...resource, status: 'superseded' }, version)),
  );
}

async function provenanceOf(inside: Context, { report }: Core, written: JsonObject): Promise<JsonObject> {
  const who = { display: inside.tenant.title, identifier: { value: inside.tenant.name } };
  const version = text(object(report['meta'])['versionId']) ?? '1';
  return {
    ...(await signedProvenance(inside, [written], who)),
    activity: { coding: [{ system: 'urn:makhbar:result-step', code: 'report' }] },
    entity: [{ role: 'source', what: { reference: `DiagnosticReport/${String(report['id'])}/_history/${version}` } }],
  };
}
