CREATE TABLE harbors (id INTEGER, name TEXT, country TEXT, depth INTEGER);
INSERT INTO harbors VALUES
(1, 'North Bay', 'Croatia', 10),
(2, 'Bay', 'Malta', 14),
(3, 'Stone Pier', 'Greece', 12),
(4, 'Gull Rock', 'Greece', 12),
(5, 'Lagoon', 'Croatia', 24),
(6, 'Fjord', 'Malta', 12);

CREATE TABLE ships (id INTEGER, name TEXT, harbor_id INTEGER, flag TEXT, length INTEGER, crew INTEGER);
INSERT INTO ships VALUES
(1, 'Aurora', NULL, 'Liberia', 80, 18),
(2, 'Borealis', 4, 'Malta', 140, 10),
(3, 'Calypso', 4, 'Panama', 120, 26),
(4, 'Dolphin', 4, 'Malta', 70, 16),
(5, 'Esmeralda', 2, 'Malta', 140, 18),
(6, 'Falcon', 2, 'Malta', 100, 10),
(7, 'Gloria', 2, 'Panama', 120, 6),
(8, 'Heron', 2, 'Liberia', 150, 12),
(9, 'Ibis', 2, 'Panama', 70, 12),
(10, 'Juno', 4, 'Panama', 120, 16),
(11, 'Kestrel', 4, 'Malta', 150, 10),
(12, 'Little Juno', 3, 'Panama', NULL, 10),
(13, 'Medusa', 4, 'Panama', 120, 6),
(14, 'Neptune', 3, 'Malta', NULL, 18),
(15, 'Orion', 2, 'Malta', 130, 28);
