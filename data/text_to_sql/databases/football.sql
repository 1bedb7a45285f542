CREATE TABLE teams (id INTEGER, name TEXT, city TEXT, founded INTEGER);
INSERT INTO teams VALUES
(1, 'Lions', 'Rome', 1924),
(2, 'Sea Lions', 'Milan', 1903),
(3, 'Tigers', 'Turin', 1912),
(4, 'Eagles', 'Milan', 1924),
(5, 'Wolves', 'Milan', 1900),
(6, 'Bears', 'Turin', 1909);

CREATE TABLE players (id INTEGER, name TEXT, team_id INTEGER, position TEXT, age INTEGER, goals INTEGER);
INSERT INTO players VALUES
(1, 'Adam Kay', 1, 'forward', 29, NULL),
(2, 'Ali Kaya', NULL, 'midfielder', 31, 4),
(3, 'Bruno Sala', 5, 'midfielder', 33, 10),
(4, 'Carl Moss', 2, 'midfielder', 33, 2),
(5, 'Dino Ricci', 1, 'forward', 32, 11),
(6, 'Emil Roth', 3, 'midfielder', 33, NULL),
(7, 'Fabio Neri', 1, 'goalkeeper', 29, 9),
(8, 'Gino Sala', 2, 'forward', 29, 10),
(9, 'Hugo Lind', 5, 'defender', 33, 1),
(10, 'Ivan Petrov', 2, 'defender', 31, 7),
(11, 'Jan Lind', 4, 'forward', 24, 2),
(12, 'Karl Vogt', 3, 'goalkeeper', 30, 7),
(13, 'Luca Neri', 2, 'defender', 31, 2),
(14, 'Marco Ricci', 2, 'midfielder', 29, 4),
(15, 'Nils Berg', 5, 'midfielder', 29, 9);
