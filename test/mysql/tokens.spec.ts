import '../support/cluster/on-mariadb.js';
import '../integration/sessions/tokens.spec.js';
