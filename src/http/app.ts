/**
 * The HTTP server: the order of the steps, limits on time and size, and the routes that are not FHIR.
 *
 * FHIR requests go straight to their steps (fhir.ts); Express serves the few others.
 */
import express, { type Express } from 'express';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { OutcomeError, operationOutcome } from '../fhir/outcome.ts';
import { addressOf, trustedProxies, type Address, type AddressOptions } from './address.ts';
import { handleFhir, type FhirSteps } from './fhir.ts';
import { asOperation, isReportCheck } from './report-check.ts';
import { failureAnswer } from '../interactions/failure.ts';
import { handleIdentity, isIdentityPath, type IdentityHandler } from './identity.ts';
import { answerPreflight, isPreflight, requestId, setCommonHeaders, type CommonHeaders } from './headers.ts';
import { respond } from './respond.ts';

export interface HttpOptions extends Omit<FhirSteps, 'trusted'> {
  /** Is the database reachable and migrated? Rejects with the reason where it is not. */
  readonly ready: () => Promise<void>;
  /** Metrics in Prometheus' text format. */
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** Signing in, tokens and the pages of accounts. */
  readonly identity: IdentityHandler;
}

/** Bytes of the request line and headers together; a search of this length is better sent by POST. */
const headerLimit = 64 * 1024;

/** The server, not yet listening. */
export function createHttp(options: HttpOptions): HttpServer {
  const { config } = options.server;
  const limits = {
    maxHeaderSize: headerLimit,
    headersTimeout: Math.min(15_000, config.requestTimeout),
    requestTimeout: config.requestTimeout,
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(config.requestTimeout / 4)),
  };
  const listener = makeListener(options);
  const server = options.tls
    ? createTlsServer({ ...limits, ...options.tls, minVersion: 'TLSv1.2' }, listener)
    : createServer(limits, listener);
  server.maxRequestsPerSocket = 0;
  server.on('clientError', answerBrokenRequest);
  return server;
}

function makeListener(options: HttpOptions): RequestListener {
  const app = otherRoutes(options);
  const addressing: AddressOptions = {
    publicUrl: options.server.config.publicUrl,
    baseDomain: options.server.config.baseDomain,
    trusted: trustedProxies(options.server.config.trustProxy),
  };
  const common: CommonHeaders = {
    secure: options.tls !== undefined || /^https:/.test(addressing.publicUrl ?? ''),
    origins: options.server.config.corsOrigins,
  };
  const steps = { ...options, trusted: addressing.trusted };
  return (request, response) => {
    const id = requestId(request);
    setCommonHeaders(request, response, id, common);
    if (isPreflight(request)) {
      answerPreflight(request, response);
      return;
    }
    const address = tryAddress(request, addressing);
    if (address instanceof OutcomeError) {
      void sendError(options, { request, response, requestId: id, error: address });
    } else if (address.segments[0] === 'fhir') {
      void handleFhir(steps, { request, response, address, requestId: id });
    } else if (isReportCheck(request, address)) {
      void handleFhir(steps, { request, response, address: asOperation(address), requestId: id });
    } else if (isIdentityPath(request, address)) {
      handleIdentity(steps, { request, response, address, requestId: id }).catch((error: unknown) =>
        sendError(options, { request, response, requestId: id, error }),
      );
    } else {
      app(request, response);
    }
  };
}

function tryAddress(request: IncomingMessage, options: AddressOptions): Address | OutcomeError {
  try {
    return addressOf(request, options);
  } catch (error) {
    if (error instanceof OutcomeError) {
      return error;
    }
    throw error;
  }
}

function otherRoutes(options: HttpOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('alive\n');
  });
  app.get('/readyz', async (_request, response) => {
    const reason = await options.ready().then(
      () => undefined,
      (error: unknown) => (error instanceof OutcomeError ? error.message : 'not ready'),
    );
    response
      .status(reason === undefined ? 200 : 503)
      .type('text/plain')
      .send(`${reason ?? 'ready'}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await options.metrics();
    response.set('content-type', contentType).send(text);
  });
  app.use((request, response) => {
    const id = String(response.getHeader('x-request-id'));
    void sendError(options, { request, response, requestId: id, error: noSuchPage() });
  });
  return app;
}

function noSuchPage(): OutcomeError {
  const diagnostics = 'There is nothing at this address; the FHIR base of a laboratory is /{laboratory}/fhir.';
  return new OutcomeError([{ severity: 'error', code: 'not-found', diagnostics }]);
}

async function sendError(
  options: HttpOptions,
  exchange: { request: IncomingMessage; response: ServerResponse; requestId: string; error: unknown },
): Promise<void> {
  const { request, response, error } = exchange;
  const answer = failureAnswer(error, exchange.requestId, options.server.log);
  await respond(request, response, answer, { format: 'json', pretty: false, explicit: false });
}

const brokenRequests: Record<string, readonly [status: string, sentence: string]> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    `URL and headers together may have ${headerLimit} bytes.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time.'],
};

/** What Node's parser refuses never reaches a listener; the caller still gets an OperationOutcome. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket | import('node:stream').Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, sentence] = brokenRequests[error.code ?? ''] ?? [
    '400 Bad Request',
    'This is not a proper HTTP request.',
  ];
  const body = JSON.stringify(operationOutcome([{ severity: 'error', code: 'structure', diagnostics: sentence }]));
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/fhir+json; charset=utf-8\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
