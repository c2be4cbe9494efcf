-- Messages that a peer has and of which it has not said yet what became (src/store/awaited.ts): few at any time, looked for
-- all the time.
create index message_accepted on message (finished) where direction = 'out' and status = 'accepted';
