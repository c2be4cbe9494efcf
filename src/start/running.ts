/** What a start gives back. */
export interface Running {
  /** Address of the HTTP server without a slash at its end; '' where it does not run in this process. */
  readonly url: string;
  /** Port of the HL7 v2 gateway; 0 where it does not run in this process. */
  readonly hl7Port: number;
  /** Port of the ASTM gateway; 0 where it does not run in this process. */
  readonly astmPort: number;
  /** Name of a laboratory that exists. */
  readonly laboratory: string;
  /** Where its administrator chooses a password; on the first start only. */
  readonly invitation?: string;
  readonly databaseUrl: string;
  /** Settles when the embedded PostgreSQL has ended: by `stop`, or by a fault, after which nothing works. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}
