/** The address at which a ticket is used: a page of the laboratory's, outside its FHIR base. */
import type { TicketKind } from '../store/tickets.ts';

/** @param root the laboratory's address without a slash at its end, e.g. https://lab.example/tunis */
export function ticketLink(root: string, { kind, ticket }: { kind: TicketKind; ticket: string }): string {
  return `${root}/account/${kind}/${ticket}`;
}
