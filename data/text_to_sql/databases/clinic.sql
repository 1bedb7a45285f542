CREATE TABLE doctors (id INTEGER, name TEXT, field TEXT, years INTEGER);
INSERT INTO doctors VALUES
(1, 'Dr Adler', 'skin', 21),
(2, 'Dr Bauer', 'eyes', 9),
(3, 'Dr Cohen', 'eyes', 9),
(4, 'Dr Dunn', 'skin', 15),
(5, 'Dr Dunne', 'heart', NULL),
(6, 'Dr Evans', 'heart', 21);

CREATE TABLE patients (id INTEGER, name TEXT, doctor_id INTEGER, city TEXT, age INTEGER, visits INTEGER);
INSERT INTO patients VALUES
(1, 'Ann Lee', 1, 'Leeds', 66, 7),
(2, 'Anne Lee', 4, 'Leeds', 62, 5),
(3, 'Bill Ford', 1, 'Derby', 16, 6),
(4, 'Cathy Bell', 3, 'Derby', 62, 7),
(5, 'Dora Pitt', NULL, 'Leeds', 64, 2),
(6, 'Ed Nash', 4, 'Dover', 14, 5),
(7, 'Fred Holt', 4, 'Dover', 14, NULL),
(8, 'Gail Nash', 4, 'Dover', 68, 5),
(9, 'Hank Todd', 2, 'Leeds', 68, 6),
(10, 'Iris Webb', 1, 'Derby', 16, 7),
(11, 'Joan Holt', 2, 'Leeds', 14, NULL),
(12, 'Ken Webb', 4, 'Dover', 16, 5),
(13, 'Lily Todd', 3, 'Derby', 66, 2),
(14, 'Mark Bell', 5, 'Leeds', 64, 10);
