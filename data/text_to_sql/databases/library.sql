CREATE TABLE authors (id INTEGER, name TEXT, country TEXT, born INTEGER);
INSERT INTO authors VALUES
(1, 'Anna Holm', 'Norway', 1960),
(2, 'Ben Holm', 'India', NULL),
(3, 'Carla Diaz', 'Spain', 1954),
(4, 'Dan Reed', 'Spain', 1956),
(5, 'Eva Novak', 'Sweden', 1964),
(6, 'Finn Berg', 'Norway', 1964),
(7, 'Gita Rao', 'Norway', 1960);

CREATE TABLE books (id INTEGER, title TEXT, author_id INTEGER, year INTEGER, pages INTEGER, price INTEGER);
INSERT INTO books VALUES
(1, 'Blue Lake', 5, 2008, 260, 18),
(2, 'Lake', 3, 1998, NULL, 14),
(3, 'Red Road', 1, 1993, NULL, 8),
(4, 'Night Train', 4, 1999, 300, 9),
(5, 'The Clock', NULL, 1998, 220, 23),
(6, 'Green Hills', 3, 1997, 220, 22),
(7, 'Last Summer', 2, 1991, 300, 23),
(8, 'Cold Sea', 3, 2009, 200, 8),
(9, 'Glass House', 6, 1993, 240, 16),
(10, 'Two Rivers', 3, 1997, 200, 18),
(11, 'Open Door', 5, 1992, 260, 16),
(12, 'Long Winter', 4, 1998, 240, 18),
(13, 'Paper Moon', 4, 1991, 280, 16),
(14, 'White Horse', 5, 1993, 300, 19),
(15, 'Blue Lake II', 6, 1994, 280, 14);
