CREATE TABLE directors (id INTEGER, name TEXT, country TEXT, born INTEGER);
INSERT INTO directors VALUES
(1, 'Ana Lima', 'Peru', 1948),
(2, 'Otto Kern', 'Brazil', 1956),
(3, 'Yuki Sato', 'Japan', 1960),
(4, 'Paul Gray', 'Germany', 1952),
(5, 'Paula Gray', 'Peru', 1948),
(6, 'Rosa Vega', 'Brazil', 1948);

CREATE TABLE films (id INTEGER, title TEXT, director_id INTEGER, genre TEXT, year INTEGER, minutes INTEGER, rating INTEGER);
INSERT INTO films VALUES
(1, 'The Storm', 5, 'drama', 2015, 125, 9),
(2, 'Storm', NULL, 'western', 2003, 120, 9),
(3, 'Silent Night', 4, 'western', 2011, 125, 6),
(4, 'Night', 5, 'comedy', 2007, 125, 6),
(5, 'City Lights', 1, 'western', 2011, 125, 9),
(6, 'The Island', 4, 'western', 2013, 90, 9),
(7, 'Mirror', 5, 'drama', 2013, 115, 9),
(8, 'Fire', 2, 'drama', 2003, 95, 9),
(9, 'Snow', 3, 'romantic comedy', 2003, 120, 3),
(10, 'The Letter', 5, 'western', 2010, 120, NULL),
(11, 'Dust', 1, 'western', 2012, 95, 9),
(12, 'Golden Bird', 2, 'romantic comedy', 2015, 100, 5),
(13, 'Harvest', 5, 'comedy', 2003, 90, NULL),
(14, 'Iron Gate', 5, 'romantic comedy', 2011, 125, 3),
(15, 'Echo', 5, 'comedy', 2013, 125, 4);
