CREATE TABLE bands (id INTEGER, name TEXT, country TEXT, founded INTEGER);
INSERT INTO bands VALUES
(1, 'Echo', 'Northern Ireland', 1980),
(2, 'Black Echo', 'Ireland', 1980),
(3, 'Rivers', 'Northern Ireland', 1992),
(4, 'Sunday', 'Wales', 2001),
(5, 'Velvet', 'Wales', 2001),
(6, 'Comet', 'Iceland', 1998),
(7, 'Polaris', 'Northern Ireland', 1983);

CREATE TABLE songs (id INTEGER, title TEXT, band_id INTEGER, style TEXT, seconds INTEGER, plays INTEGER);
INSERT INTO songs VALUES
(1, 'Home', 1, 'folk', 160, 350),
(2, 'Coming Home', 4, 'folk rock', 190, 500),
(3, 'Rain', 5, 'rock', 190, NULL),
(4, 'Stars', 4, 'folk', 190, 450),
(5, 'Falling Stars', 3, 'jazz', 200, 350),
(6, 'Dance', 1, 'jazz', 280, 450),
(7, 'Slow Dance', 2, 'rock', 160, 550),
(8, 'Fire', 4, 'folk', 170, 500),
(9, 'Ocean', NULL, 'folk rock', 260, 300),
(10, 'Alone', 4, 'jazz', 170, 700),
(11, 'Tonight', 5, 'folk rock', 260, 500),
(12, 'Golden', 3, 'folk', 190, 500),
(13, 'Wild', 2, 'folk rock', 210, NULL),
(14, 'Summer', 3, 'jazz', 170, 500),
(15, 'Rain', 1, 'jazz', 220, 750);
