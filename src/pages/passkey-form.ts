/**
 * The part of a form that makes or uses a passkey. WebAuthn exists only in script: assets/passkey.js takes the options
 * from the form, fills the field `response` and sends the form. Without script, or in a browser that has no WebAuthn,
 * the sentence stays and the button does not appear.
 */
import { html, type Html } from './html.ts';

export interface PasskeyPart {
  readonly deed: 'get' | 'create';
  /** What WebAuthn calls …OptionsJSON. */
  readonly options: object;
  readonly passkeySubmit: string;
  readonly passkeyUnavailable: string;
}

export function passkeyForm({ deed, options, passkeySubmit, passkeyUnavailable }: PasskeyPart): Html {
  return html`<div class="passkey" data-deed="${deed}" data-options="${JSON.stringify(options)}">
    <p class="notice" data-without>${passkeyUnavailable}</p>
    <input type="hidden" name="response" value="" />
    <button type="submit" class="primary" data-with hidden>${passkeySubmit}</button>
  </div>`;
}
