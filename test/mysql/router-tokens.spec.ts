import '../support/cluster/on-mariadb.js';
import '../integration/sessions/router-tokens.spec.js';
