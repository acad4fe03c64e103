// Attributes that are secrets whatever a configuration says of them. They are never read, written or named with a value.

const SECRET_ATTRIBUTES = new Set([
  'userpassword',
  'unicodepwd',
  'dbcspwd',
  'ntpwdhistory',
  'lmpwdhistory',
  'supplementalcredentials',
  'sambantpassword',
  'sambalmpassword',
  'krbprincipalkey',
  'authpassword',
  'password',
  'pwdhistory',
  'ms-mcs-admpwd',
  'mslaps-password',
  'mslaps-encryptedpassword',
  'mslaps-encryptedpasswordhistory',
  'msds-managedpassword',
  'sambapasswordhistory',
  'sambacleartextpassword',
  'ipanthash',
  'olcrootpw',
]);

export function isSecretAttribute(name: string): boolean {
  return SECRET_ATTRIBUTES.has(name.toLowerCase().split(';')[0] ?? '');
}
