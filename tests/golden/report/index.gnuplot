set encoding utf8
set terminal svg noenhanced size 960,480 font 'sans-serif,10' background '#FFFFFF'
set output
set lmargin at screen 0.081250
set rmargin at screen 0.975000
set tmargin at screen 0.870833
set bmargin at screen 0.137500
set border 1 linecolor rgb '#666666'
set tics textcolor rgb '#222222'
set grid ytics linetype 1 linecolor rgb '#E4E4E4'
set style fill solid 1.0 noborder
set key off
set grid back
set label 1 'Spam volume index' at screen 0.016667, screen 0.954167 left noenhanced font 'sans-serif:Bold,13' textcolor rgb '#222222'
set label 2 '2010-09-01 = 100' at screen 0.016667, screen 0.910417 left noenhanced font 'sans-serif,10' textcolor rgb '#666666'
set label 3 'Days are UTC.' at screen 0.016667, screen 0.029167 left noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set label 4 'spamgauge' at screen 0.983333, screen 0.029167 right noenhanced font 'sans-serif,9' textcolor rgb '#666666'
set xrange [0:28]
set xtics nomirror out scale 0.5 ("27 Sep\n2010" 0, "4 Oct" 7, "11 Oct" 14, "18 Oct" 21)
set yrange [0:120]
set ytics nomirror scale 0 ('0' 0, '20' 20, '40' 40, '60' 60, '80' 80, '100' 100, '120' 120)
set object 300 rectangle from first 15, graph 0 to first 17, graph 1 behind fillcolor rgb '#EFEFEF' fillstyle solid noborder
set object 60 rectangle from first 6, graph 0 to first 8, graph 1 behind fillcolor rgb '#C0392B' fillstyle transparent solid 0.15 noborder
set label 60 '-40 %' at first 6, graph 0.965 left offset character 0.6,0 noenhanced front font 'sans-serif:Bold,9' textcolor rgb '#C0392B'
$R0 << EOD
0 90 110
1 90 110
1 90.9 111.1
2 90.9 111.1
2 91.8 112.2
3 91.8 112.2
3 90 110
4 90 110
4 90.9 111.1
5 90.9 111.1
5 91.8 112.2
6 91.8 112.2
6 90 110
7 90 110
7 56.7 69.3
8 56.7 69.3
8 54 66
9 54 66
9 54.9 67.1
10 54.9 67.1
10 55.8 68.2
11 55.8 68.2
11 56.7 69.3
12 56.7 69.3
12 54 66
13 54 66
13 54.9 67.1
14 54.9 67.1
14 55.8 68.2
15 55.8 68.2

17 54.9 67.1
18 54.9 67.1
18 55.8 68.2
19 55.8 68.2
19 56.7 69.3
20 56.7 69.3
20 54 66
21 54 66
21 54.9 67.1
22 54.9 67.1
22 55.8 68.2
23 55.8 68.2
23 56.7 69.3
24 56.7 69.3
24 54 66
25 54 66
25 54.9 67.1
26 54.9 67.1

EOD
$H0 << EOD
26 55.8 68.2
27 55.8 68.2
27 56.7 69.3
28 56.7 69.3
EOD
$I0 << EOD
26 62 62
27 62 62
27 63 63
28 63 63
EOD
$L0 << EOD
0 100 100
1 100 100
1 101 101
2 101 101
2 102 102
3 102 102
3 100 100
4 100 100
4 101 101
5 101 101
5 102 102
6 102 102
6 100 100
7 100 100
7 63 63
8 63 63
8 60 60
9 60 60
9 61 61
10 61 61
10 62 62
11 62 62
11 63 63
12 63 63
12 60 60
13 60 60
13 61 61
14 61 61
14 62 62
15 62 62

17 61 61
18 61 61
18 62 62
19 62 62
19 63 63
20 63 63
20 60 60
21 60 60
21 61 61
22 61 61
22 62 62
23 62 62
23 63 63
24 63 63
24 60 60
25 60 60
25 61 61
26 61 61

EOD
plot $R0 using 1:2:3 with filledcurves fillstyle transparent solid 0.22 noborder fillcolor rgb '#0072B2', \
  $H0 using 1:2:3 with filledcurves fillstyle transparent pattern 4 noborder fillcolor rgb '#0072B2', \
  $I0 using 1:2 with lines linewidth 1.6 dashtype (4,3) linecolor rgb '#0072B2', \
  $L0 using 1:2 with lines linewidth 1.6 linecolor rgb '#0072B2', \
  100 with lines linewidth 1 dashtype (2,3) linecolor rgb '#9A9A9A'
