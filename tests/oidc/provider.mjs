// A certified OpenID Connect provider with two clients and a few people, for the gateway's tests.
// node provider.mjs PORT REDIRECT KEYS: KEYS is a file with the private JWKS it signs with.
// Anybody may sign in under any name; the name says who that is.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, redirect, keys] = process.argv.slice(2);
const groups = { ana: ['shop-team', 'leads'], ben: ['shop-team'], eve: [] };
const common = {
  redirect_uris: [redirect],
  grant_types: ['authorization_code'],
  response_types: ['code'],
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'serinus', client_secret: 'secret/of+the gateway', ...common },
    { client_id: 'public', token_endpoint_auth_method: 'none', ...common },
  ],
  jwks: JSON.parse(readFileSync(keys, 'utf8')),
  cookies: { keys: ['only for tests'] },
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['preferred_username', 'groups', 'realm_access'],
  },
  findAccount: async (_context, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      email: `${id}@shop.example`,
      email_verified: id !== 'eve',
      preferred_username: id,
      groups: groups[id] ?? [],
      realm_access: { roles: groups[id] ?? [] },
    }),
  }),
});
provider.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
