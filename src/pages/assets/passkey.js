/**
 * Makes or uses a passkey for the form around `.passkey`, then sends the form. Runs in the browser, as it stands here.
 *
 * The options come from the page; the answer goes into the field `response`. A passkey that was not used (cancelled,
 * timed out, no device) sends the form with an empty answer, which the server refuses with a sentence.
 */
for (const part of document.querySelectorAll('.passkey')) {
  if (window.PublicKeyCredential?.parseRequestOptionsFromJSON === undefined) continue;
  const form = part.closest('form');
  const button = part.querySelector('[data-with]');
  const field = part.querySelector('[name=response]');
  if (form === null || button === null || field === null) continue;
  button.hidden = false;
  part.querySelector('[data-without]')?.remove();
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    button.disabled = true;
    void answer(part.dataset.deed, JSON.parse(part.dataset.options)).then((text) => {
      field.value = text;
      // Not requestSubmit: this listener must not run again.
      form.submit();
    });
  });
}

async function answer(deed, options) {
  try {
    const credential =
      deed === 'create'
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    return JSON.stringify(credential);
  } catch {
    return '';
  }
}
