import '../support/cluster/on-mariadb.js';
import '../integration/sessions/bound-sessions.spec.js';
