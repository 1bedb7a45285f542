CREATE TABLE teachers (id INTEGER, name TEXT, subject TEXT, age INTEGER);
INSERT INTO teachers VALUES
(1, 'Mr Hall', 'biology', 36),
(2, 'Ms Hall', 'art history', 30),
(3, 'Mr Lopez', 'art', 36),
(4, 'Ms Chen', 'biology', 52),
(5, 'Mr Ivanov', 'history', 36),
(6, 'Ms Okafor', 'art history', 36);

CREATE TABLE courses (id INTEGER, title TEXT, teacher_id INTEGER, room TEXT, hours INTEGER, students INTEGER);
INSERT INTO courses VALUES
(1, 'Drawing', 2, 'north', 7, NULL),
(2, 'Painting', 2, 'south-east', 6, 18),
(3, 'Rome', 1, 'east', 6, 22),
(4, 'Greece', 4, 'north', 7, 28),
(5, 'Cells', 4, 'east', 7, 18),
(6, 'Plants', 3, 'south', 6, 18),
(7, 'Modern Art', 3, 'north', 8, 14),
(8, 'Old Masters', 1, 'south-east', 3, 18),
(9, 'The Sea', 2, 'north', 7, NULL),
(10, 'Maps', 1, 'south', 7, 18),
(11, 'Genes', 3, 'south', 2, 14),
(12, 'Film', 2, 'south', 8, 14),
(13, 'Photography', NULL, 'north', 6, 22),
(14, 'Trade', 3, 'east', 2, 20);
